#include "tutti/launch/launcher.hpp"
#include "tutti/launch/scheduler.hpp"
#include "tutti/launch/threads.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace tutti {
namespace {

using ::testing::ElementsAre;

Launched launched(const std::map<std::string, std::string>& environment) {
  return launched_from([&](const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  });
}

TEST(Launcher, MpirunTellsAll) {
  const Launched got = launched({{"OMPI_COMM_WORLD_RANK", "5"},
                                 {"OMPI_COMM_WORLD_SIZE", "8"},
                                 {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                                 {"OMPI_COMM_WORLD_LOCAL_SIZE", "4"},
                                 {"PMIX_RANK", "5"},
                                 {"SLURM_NTASKS", "2"}});
  EXPECT_EQ(got.rank, 5);
  EXPECT_EQ(got.ranks, 8);
  EXPECT_EQ(got.local_rank, 1);
  EXPECT_EQ(got.local_ranks, 4);
}

TEST(Launcher, SrunWithPmixTellsTheSizeInSlurmsVariables) {
  const Launched got = launched({{"PMIX_RANK", "6"},
                                 {"SLURM_STEP_NUM_TASKS", "7"},
                                 {"SLURM_NTASKS", "9"},
                                 {"SLURM_LOCALID", "0"},
                                 {"SLURM_NODEID", "3"},
                                 {"SLURM_STEP_TASKS_PER_NODE", "2(x3),1"}});
  EXPECT_EQ(got.rank, 6);
  EXPECT_EQ(got.ranks, 7);
  EXPECT_EQ(got.local_rank, 0);
  EXPECT_EQ(got.local_ranks, 1);
}

TEST(Launcher, ABatchScriptIsNoLaunch) {
  const Launched got = launched({{"SLURM_NTASKS", "8"}, {"SLURM_NODEID", "0"}});
  EXPECT_EQ(got.ranks, 0);
  EXPECT_EQ(got.local_ranks, 1);
  EXPECT_EQ(launched({}).ranks, 0);
}

TEST(Launcher, ReadsTasksPerNode) {
  EXPECT_EQ(tasks_on_node("2(x3),1", 0), 2);
  EXPECT_EQ(tasks_on_node("2(x3),1", 2), 2);
  EXPECT_EQ(tasks_on_node("2(x3),1", 3), 1);
  EXPECT_EQ(tasks_on_node("2(x3),1", 4), 0);
  EXPECT_EQ(tasks_on_node("4", 0), 4);
  EXPECT_EQ(tasks_on_node("", 0), 0);
  EXPECT_EQ(tasks_on_node("x", 0), 0);
}

// CPUs first .. first + count - 1 of a host whose CPU i and i + cores are of one core.
Place place(const std::string& host, int first, int count, int cores) {
  Place out{host, {}};
  for (int cpu = first; cpu < first + count; ++cpu) out.cpus.push_back({cpu, cpu % cores});
  return out;
}

std::vector<int> ids(const std::vector<Cpu>& cpus) {
  std::vector<int> out;
  for (const Cpu& cpu : cpus) out.push_back(cpu.id);
  return out;
}

// A container's mask of 4 CPUs of 64 is nobody's own: four ranks get one each, not four.
TEST(Placement, RanksThatShareAMaskShareItsThreads) {
  const std::vector<Place> places(4, place("a", 0, 4, 64));
  EXPECT_EQ(threads_of(places, 2), 1);
  EXPECT_THAT(ids(cpus_of(places, 2)), ElementsAre(2));
}

TEST(Placement, BoundRanksKeepTheirOwn) {
  const std::vector<Place> places = {place("a", 0, 4, 8), place("a", 4, 4, 8), place("b", 0, 2, 8)};
  EXPECT_EQ(threads_of(places, 1), 4);
  EXPECT_THAT(ids(cpus_of(places, 1)), ElementsAre(4, 5, 6, 7));
  EXPECT_EQ(threads_of(places, 2), 2);
}

TEST(Placement, NoTwoRanksAreOnOneCore) {
  const std::vector<Place> places(2, place("a", 0, 8, 4));  // 4 cores of 2 hardware threads
  EXPECT_THAT(ids(cpus_of(places, 0)), ElementsAre(0, 1, 4, 5));
  EXPECT_THAT(ids(cpus_of(places, 1)), ElementsAre(2, 3, 6, 7));
  EXPECT_EQ(threads_of(places, 0), 4);
}

TEST(Placement, MoreRanksThanCoresAreLeftToTheSystem) {
  const std::vector<Place> places(3, place("a", 0, 2, 2));
  EXPECT_THAT(ids(cpus_of(places, 1)), ElementsAre(0, 1));
  EXPECT_EQ(threads_of(places, 1), 1);
}

TEST(Placement, OtherOverlapsAreLeftAlone) {
  const std::vector<Place> places = {place("a", 0, 4, 8), place("a", 0, 4, 8), place("a", 3, 2, 8)};
  EXPECT_THAT(ids(cpus_of(places, 0)), ElementsAre(0, 1, 2, 3));
}

TEST(Placement, TravelsAsText) {
  const Place here = this_place();
  EXPECT_FALSE(here.cpus.empty());
  const Place back = parse_place(place_text(here));
  EXPECT_EQ(back.host, here.host);
  EXPECT_EQ(back.cpus, here.cpus);
}

// Costs 1:4, and groups of any size: at most 5 % of the ranks' time is idle.
TEST(Placement, MembersOfCostsOneToFourLeaveFewRanksIdle) {
  for (const int ranks : {1, 2, 3, 4, 6, 8, 16}) {
    for (const int pairs : {1, 2, 4}) {
      std::vector<Demand> members;
      for (int i = 0; i < pairs; ++i) {
        members.push_back({0, 4.0});
        members.push_back({0, 1.0});
      }
      const std::vector<Demand> sized = with_ranks(members, ranks);
      EXPECT_LE(play(sized, ranks).idle, 0.05) << ranks << " ranks, " << members.size();
    }
  }
}

TEST(Placement, FixedGroupsStayAsTheyAre) {
  const std::vector<Demand> sized = with_ranks({{1, 4.0}, {0, 1.0}, {2, 3.0}}, 4);
  EXPECT_EQ(sized[0].ranks, 1);
  EXPECT_EQ(sized[2].ranks, 2);
  EXPECT_EQ(sized[0].work, 4.0) << "of the whole group: time";
}

TEST(Placement, OneGroupEachWhereThatLeavesNobodyIdle) {
  const std::vector<Demand> sized = with_ranks({{0, 1.0}, {0, 1.0}, {0, 1.0}, {0, 1.0}}, 4);
  for (const Demand& member : sized) EXPECT_EQ(member.ranks, 1);
}

}  // namespace
}  // namespace tutti
