#include "tutti/launch/coordinator.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

namespace tutti {
namespace {

struct Log {
  std::mutex mutex;
  std::vector<std::pair<int, int>> trained;  // member, rank
};

// Runs members on threads that play ranks; returns the outcomes and what was trained where.
std::vector<Done> play(const std::vector<Demand>& members, int ranks, Log& log, int& progress) {
  Links links = make_local_links(ranks);
  std::vector<std::thread> workers;
  workers.reserve(static_cast<std::size_t>(ranks));
  std::vector<int> codes(static_cast<std::size_t>(ranks), -1);
  for (int rank = 0; rank < ranks; ++rank) {
    workers.emplace_back([&, rank] {
      WorkerLink& link = *links.workers[static_cast<std::size_t>(rank)];
      codes[static_cast<std::size_t>(rank)] = work(link, rank, "here", [&](const Assign& assign) {
        {
          const std::lock_guard<std::mutex> hold(log.mutex);
          log.trained.emplace_back(assign.member, rank);
        }
        Progress report;
        report.member = assign.member;
        if (rank == assign.ranks.front()) link.send(report);
        Done outcome;
        outcome.member = assign.member;
        outcome.trained = assign.member != 1;
        outcome.ranks = assign.ranks;
        return outcome;
      });
    });
  }
  auto outcomes = coordinate(
      *links.coordinator, members, ranks,
      [&](const Progress* report) { progress += report != nullptr ? 1 : 0; },
      [](const Done& /*outcome*/) {});
  for (int rank = 0; rank < ranks; ++rank) links.coordinator->send(rank, Stop{40 + rank});
  for (std::thread& worker : workers) worker.join();
  for (int rank = 0; rank < ranks; ++rank) {
    EXPECT_EQ(codes[static_cast<std::size_t>(rank)], 40 + rank);
  }
  return outcomes;
}

TEST(Coordinator, EveryMemberIsTrainedOnceByItsRanks) {
  for (int ranks = 2; ranks <= 4; ++ranks) {
    const std::vector<Demand> members = {{1, 3}, {2, 9}, {1, 1}, {2, 2}, {1, 5}};
    Log log;
    int progress = 0;
    const auto outcomes = play(members, ranks, log, progress);
    ASSERT_EQ(outcomes.size(), members.size());
    for (std::size_t m = 0; m < members.size(); ++m) {
      EXPECT_EQ(outcomes[m].member, static_cast<int>(m));
      EXPECT_EQ(outcomes[m].ranks.size(), static_cast<std::size_t>(members[m].ranks));
      const auto times = std::count_if(log.trained.begin(), log.trained.end(), [&](const auto& t) {
        return t.first == static_cast<int>(m);
      });
      EXPECT_EQ(times, members[m].ranks);
      EXPECT_EQ(outcomes[m].trained, m != 1) << "a failed member does not stop the others";
    }
    EXPECT_EQ(progress, 5);
  }
}

TEST(Coordinator, OneRankTrainsAllInTurn) {
  Log log;
  int progress = 0;
  play({{1, 1}, {1, 3}, {1, 2}}, 1, log, progress);
  const std::vector<std::pair<int, int>> expected = {{1, 0}, {2, 0}, {0, 0}};
  EXPECT_EQ(log.trained, expected);
}

}  // namespace
}  // namespace tutti
