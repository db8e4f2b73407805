#include "tutti/launch/scheduler.hpp"

#include "tutti/data/error.hpp"

#include <algorithm>
#include <numeric>
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

}  // namespace tutti
