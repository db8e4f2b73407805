#include "tutti/data/error.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "communicator_conformance.hpp"
#include "world.hpp"

namespace tutti {
namespace {

using test::mpi_world;

Message receive() {
  while (true) {
    if (auto message = mpi_world().try_receive()) return *message;
    std::this_thread::yield();
  }
}

TEST(MpiCommunicator, Conforms) {
  const auto group = mpi_world().world();
  EXPECT_EQ(group->rank(), mpi_world().rank());
  test::check_communicator(*group);
}

TEST(MpiCommunicator, ConformsWhenCountsAreCutIntoPieces) {
  // 997 values a call: what happens above INT_MAX, at a size that a test can afford.
  const auto group = mpi_world().world({.timeout = std::chrono::seconds(60), .max_count = 997});
  test::check_communicator(*group);
}

TEST(MpiCommunicator, ConformsWhenRanksOfAHostSumFirst) {
  // Hosts of equal size, of unequal size (a last one with fewer), and all ranks on one.
  for (const int ranks_a_host : {-1, 2, 3}) {
    const auto group = mpi_world().world(
        {.timeout = std::chrono::seconds(60), .max_count = 1 << 30, .ranks_a_host = ranks_a_host});
    test::check_communicator(*group);
  }
}

TEST(MpiCommunicator, CreateGroupIsCalledByItsMembersAlone) {
  const int n = mpi_world().world_size();
  if (mpi_world().rank() > 0 || n == 1) {
    // Every rank but the first, backwards; the first does not call.
    std::vector<int> ranks;
    for (int r = n - 1; r >= std::min(1, n - 1); --r) ranks.push_back(r);
    const auto group = mpi_world().create_group(ranks, 7);
    EXPECT_EQ(group->rank(), n - 1 - mpi_world().rank());
    test::check_communicator(*group);
  }
}

TEST(MpiCommunicator, TwoGroupsAreMadeAtTheSameTimeUnderTwoTags) {
  const int n = mpi_world().world_size();
  const int colour = mpi_world().rank() % 2;
  std::vector<int> ranks;
  for (int r = colour; r < n; r += 2) ranks.push_back(r);
  for (int round = 0; round < 3; ++round) {
    const auto group = mpi_world().create_group(ranks, 10 + colour);
    at::Tensor sum = at::ones({1}, at::kLong);
    group->all_reduce_sum(sum);
    EXPECT_EQ(sum.item<std::int64_t>(), static_cast<std::int64_t>(ranks.size()));
  }
  mpi_world().world()->barrier();
}

TEST(MpiWorld, MessagesArriveInOrderAndWhole) {
  MpiWorld& world = mpi_world();
  const std::string large(300'000, 'x');
  for (int to = 0; to < world.world_size(); ++to) {
    world.send(to, "first of " + std::to_string(world.rank()));
    world.send(to, "");
    world.send(to, large);
  }
  std::vector<std::vector<std::string>> got(static_cast<std::size_t>(world.world_size()));
  for (int i = 0; i < 3 * world.world_size(); ++i) {
    Message message = receive();
    got.at(static_cast<std::size_t>(message.from)).push_back(std::move(message.bytes));
  }
  for (int from = 0; from < world.world_size(); ++from) {
    const std::vector<std::string> want{"first of " + std::to_string(from), "", large};
    EXPECT_EQ(got[static_cast<std::size_t>(from)], want);
  }
  world.world()->barrier();
}

TEST(MpiWorld, AThreadExchangesMessagesBesideCollectives) {
  MpiWorld& world = mpi_world();
  const auto group = world.world();
  constexpr int kMessages = 50;
  std::thread coordinator;
  if (world.rank() == 0) {
    coordinator = std::thread([&] {
      for (int i = 0; i < kMessages * (world.world_size() - 1); ++i) {
        const Message message = receive();
        world.send(message.from, message.bytes);
      }
    });
  }
  at::Tensor values = at::ones({1000});
  for (int i = 0; i < kMessages; ++i) {
    if (world.rank() != 0) world.send(0, "m" + std::to_string(i));
    group->all_reduce_sum(values);
    values.div_(world.world_size());
    if (world.rank() != 0) {
      EXPECT_EQ(receive().bytes, "m" + std::to_string(i));
    }
  }
  if (coordinator.joinable()) coordinator.join();
  EXPECT_TRUE(at::equal(values, at::ones({1000})));
  group->barrier();
}

TEST(MpiCommunicator, ACollectiveThatOneRankDoesNotJoinEndsWithAnErrorThatSaysSo) {
  MpiWorld& world = mpi_world();
  const int absent = world.world_size() - 1;
  if (absent == 0) GTEST_SKIP() << "needs two ranks";
  const auto group = world.world({.timeout = std::chrono::milliseconds(50), .max_count = 1 << 30});
  if (world.rank() == absent) {
    for (int i = 0; i < absent; ++i) receive();  // joins nothing until all others have given up
  } else {
    for (int call = 0; call < 2; ++call) {
      try {
        group->barrier();
        ADD_FAILURE() << "a barrier that a rank has not reached";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), Code::Resumable);
        const std::string text = error.what();
        EXPECT_NE(text.find("rank " + std::to_string(world.rank())), std::string::npos) << text;
        EXPECT_NE(text.find("barrier"), std::string::npos) << text;
        EXPECT_NE(text.find(call == 0 ? " s;" : "already failed"), std::string::npos) << text;
      }
    }
    world.send(absent, "gave up");
  }
  world.world()->barrier();
}

}  // namespace
}  // namespace tutti
