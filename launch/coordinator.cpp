#include "tutti/launch/coordinator.hpp"

#include "tutti/data/error.hpp"

#include <chrono>
#include <thread>
#include <utility>

namespace tutti {

namespace {

// An idle rank must leave its core to those that train: on shared cores a busy poll costs them half
// of it. Short against the seconds that a member takes.
constexpr std::chrono::milliseconds kPoll{5};

}  // namespace

std::vector<Done> coordinate(CoordinatorLink& link, const std::vector<Demand>& members, int ranks,
                             const std::function<void(const Progress*)>& on_progress,
                             const std::function<void(const Done&)>& on_outcome) {
  Scheduler scheduler(members);
  std::vector<Done> outcomes(members.size());
  std::vector<bool> known(members.size(), false);
  std::size_t finished = 0;
  int idle = 0;
  int serial = 0;
  while (finished < members.size() || idle < ranks) {
    const auto message = link.try_receive();
    if (!message) {
      on_progress(nullptr);
      std::this_thread::sleep_for(kPoll);
      continue;
    }
    if (const auto* hello = std::get_if<Hello>(&*message)) {
      ++idle;
      scheduler.add_free(hello->rank);
    } else if (const auto* progress = std::get_if<Progress>(&*message)) {
      on_progress(progress);
    } else if (const auto* outcome = std::get_if<Done>(&*message)) {
      const auto member = static_cast<std::size_t>(outcome->member);
      TUTTI_ASSERT(member < members.size() && !known[member], "an outcome comes once a member");
      known[member] = true;
      outcomes[member] = *outcome;
      ++finished;
      on_outcome(*outcome);
    }
    while (const auto next = scheduler.next()) {
      const Assign assign{next->member, next->ranks, serial++};
      for (const int rank : next->ranks) {
        link.send(rank, assign);
        --idle;
      }
    }
  }
  return outcomes;
}

int work(WorkerLink& link, int rank, const std::string& host,
         const std::function<Done(const Assign&)>& train) {
  link.send(Hello{rank, host});
  for (;;) {
    const auto message = link.try_receive();
    if (!message) {
      std::this_thread::sleep_for(kPoll);
      continue;
    }
    if (const auto* stop = std::get_if<Stop>(&*message)) return stop->code;
    const auto* assign = std::get_if<Assign>(&*message);
    TUTTI_ASSERT(assign != nullptr, "a worker is told Assign or Stop");
    const Done outcome = train(*assign);
    if (assign->ranks.front() == rank) link.send(outcome);
    link.send(Hello{rank, host});
  }
}

}  // namespace tutti
