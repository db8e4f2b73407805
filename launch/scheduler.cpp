#include "tutti/launch/scheduler.hpp"

#include "tutti/data/error.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <queue>
#include <utility>

namespace tutti {

Scheduler::Scheduler(std::vector<Demand> members) : members_(std::move(members)) {
  order_.resize(members_.size());
  std::iota(order_.begin(), order_.end(), 0);
  std::stable_sort(order_.begin(), order_.end(), [this](int a, int b) {
    return members_[static_cast<std::size_t>(a)].work > members_[static_cast<std::size_t>(b)].work;
  });
}

void Scheduler::add_free(int rank) {
  const auto at = std::lower_bound(free_.begin(), free_.end(), rank);
  TUTTI_ASSERT(at == free_.end() || *at != rank, "a rank is free twice");
  free_.insert(at, rank);
}

std::optional<Assignment> Scheduler::next() {
  if (all_assigned()) return std::nullopt;
  const int member = order_[position_];
  const auto needed = static_cast<std::size_t>(members_[static_cast<std::size_t>(member)].ranks);
  if (free_.size() < needed) return std::nullopt;
  const auto end = free_.begin() + static_cast<std::ptrdiff_t>(needed);
  Assignment out{member, {free_.begin(), end}};
  free_.erase(free_.begin(), end);
  ++position_;
  return out;
}

PlayedSchedule play(const std::vector<Demand>& members, int ranks) {
  Scheduler scheduler(members);
  for (int rank = 0; rank < ranks; ++rank) scheduler.add_free(rank);
  PlayedSchedule out;
  out.members.resize(members.size());
  using Event = std::pair<double, std::size_t>;  // end, member
  std::priority_queue<Event, std::vector<Event>, std::greater<>> running;
  double now = 0;
  double busy = 0;
  while (!scheduler.all_assigned() || !running.empty()) {
    while (auto next = scheduler.next()) {
      const auto member = static_cast<std::size_t>(next->member);
      const double time = members[member].work;
      busy += time * static_cast<double>(next->ranks.size());
      out.members[member] = {now, now + time, std::move(next->ranks)};
      running.emplace(now + time, member);
    }
    TUTTI_ASSERT(!running.empty(), "a schedule that stands still");
    const auto [end, member] = running.top();
    running.pop();
    now = end;
    for (const int rank : out.members[member].ranks) scheduler.add_free(rank);
  }
  out.end = now;
  out.idle = now > 0 ? 1 - busy / (now * ranks) : 0;
  return out;
}

std::vector<Demand> with_ranks(const std::vector<Demand>& members, int ranks) {
  std::vector<Demand> groups = members;
  for (Demand& group : groups) {
    group.ranks = std::max(1, group.ranks);
    group.work /= group.ranks;
  }
  std::vector<Demand> best = groups;
  PlayedSchedule schedule = play(groups, ranks);
  double best_end = schedule.end;
  while (schedule.idle > kIdle) {
    std::optional<std::size_t> last;
    for (std::size_t m = 0; m < members.size(); ++m) {
      if (members[m].ranks > 0 || groups[m].ranks >= ranks) continue;
      if (!last || schedule.members[m].end > schedule.members[*last].end) last = m;
    }
    if (!last) break;
    ++groups[*last].ranks;
    groups[*last].work = members[*last].work / groups[*last].ranks;
    schedule = play(groups, ranks);
    if (schedule.end < best_end) {
      best_end = schedule.end;
      best = groups;
    }
  }
  return schedule.idle <= kIdle ? groups : best;
}

}  // namespace tutti
