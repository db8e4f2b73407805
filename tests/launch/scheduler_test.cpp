#include "tutti/launch/scheduler.hpp"

#include <gtest/gtest.h>

namespace tutti {
namespace {

TEST(Scheduler, LongestFirstTiesToTheEarlier) {
  const Scheduler scheduler({{1, 5}, {1, 9}, {1, 5}, {1, 7}});
  EXPECT_EQ(scheduler.order(), (std::vector<int>{1, 3, 0, 2}));
}

TEST(Scheduler, GivesRanksAsTheyComeFree) {
  Scheduler scheduler({{1, 1}, {2, 3}, {1, 2}});
  EXPECT_FALSE(scheduler.next());
  scheduler.add_free(2);
  EXPECT_FALSE(scheduler.next()) << "the member of two ranks is first and waits for a second one";
  scheduler.add_free(0);
  auto got = scheduler.next();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->member, 1);
  EXPECT_EQ(got->ranks, (std::vector<int>{0, 2}));
  EXPECT_FALSE(scheduler.next());
  scheduler.add_free(2);
  got = scheduler.next();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->member, 2);
  EXPECT_FALSE(scheduler.all_assigned());
  scheduler.add_free(0);
  EXPECT_EQ(scheduler.next()->member, 0);
  EXPECT_TRUE(scheduler.all_assigned());
  EXPECT_FALSE(scheduler.next());
}

TEST(Scheduler, EveryMemberGoesOnceOnAnyNumberOfRanks) {
  for (int ranks = 2; ranks <= 5; ++ranks) {
    std::vector<Demand> demands;
    demands.reserve(9);
    for (int m = 0; m < 9; ++m) demands.push_back({1 + m % 2, static_cast<double>(m * 7 % 5)});
    Scheduler scheduler(demands);
    for (int r = 0; r < ranks; ++r) scheduler.add_free(r);
    std::vector<int> times(9, 0);
    std::vector<Assignment> running;
    while (!scheduler.all_assigned()) {
      while (auto next = scheduler.next()) {
        ++times[static_cast<std::size_t>(next->member)];
        running.push_back(*next);
      }
      ASSERT_FALSE(running.empty());
      for (const int rank : running.front().ranks) scheduler.add_free(rank);
      running.erase(running.begin());
    }
    EXPECT_EQ(times, std::vector<int>(9, 1));
  }
}

}  // namespace
}  // namespace tutti
