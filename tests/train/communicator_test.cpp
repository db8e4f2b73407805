#include "tutti/train/communicator.hpp"

#include "tutti/data/error.hpp"
#include "tutti/train/comm/nccl.hpp"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <atomic>

#include "communicator_conformance.hpp"

namespace tutti {
namespace {

TEST(SingleCommunicator, Conforms) {
  const auto group = make_single_communicator();
  EXPECT_EQ(group->rank(), 0);
  EXPECT_EQ(group->world_size(), 1);
  test::check_communicator(*group);
}

class Threads : public ::testing::TestWithParam<int> {};

TEST_P(Threads, Conforms) {
  at::set_num_threads(1);
  std::atomic<int> ranks_seen{0};
  run_on_threads(GetParam(), [&](Communicator& group) {
    EXPECT_EQ(group.world_size(), GetParam());
    ranks_seen += 1 << group.rank();
    test::check_communicator(group);
  });
  EXPECT_EQ(ranks_seen, (1 << GetParam()) - 1);
}

INSTANTIATE_TEST_SUITE_P(Ranks, Threads, ::testing::Values(1, 2, 3, 4, 5, 7, 8));

TEST(Threads, AThrowingRankEndsTheOthersWaitAndIsTheOneReported) {
  try {
    run_on_threads(3, [](Communicator& group) {
      if (group.rank() == 1) throw Error(Code::Data, "only rank 1");
      group.barrier();
    });
    FAIL() << "the exception was lost";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "only rank 1");
  }
}

TEST(Threads, AThrowingRankEndsTheWaitInsideASplitGroup) {
  EXPECT_THROW(run_on_threads(4,
                              [](Communicator& group) {
                                const auto pair = group.split(group.rank() / 2, 0);
                                if (group.rank() == 3) throw Error(Code::Data, "rank 3");
                                for (int i = 0; i < 2; ++i) group.barrier();
                              }),
               Error);
}

TEST(NcclCommunicator, Conforms) {
  std::unique_ptr<Communicator> group;
  try {
    group = make_nccl_communicator(make_single_communicator(), 0);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::Config);
    GTEST_SKIP() << error.what();
  }
  test::check_communicator(*group);
}

}  // namespace
}  // namespace tutti
