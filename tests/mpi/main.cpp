// The main of the tests under mpirun: every rank runs every test, and every rank exits with the
// verdict of all.
//
//   --hang-rank R   rank R prints its process id and waits for a debugger (set go = 1)
//   --kill-rank R   rank R is killed while all sum; the others wait for it
//   --fail-rank R   rank R counts as failed: shows that mpirun then exits with non-zero

#include "tutti/train/communicator.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "world.hpp"

namespace {

std::unique_ptr<tutti::MpiWorld>& world_slot() {
  static std::unique_ptr<tutti::MpiWorld> world;
  return world;
}

/// What a rank other than 0 prints: failures and reasons of skips, with its rank before them.
class RankPrinter : public ::testing::EmptyTestEventListener {
 public:
  explicit RankPrinter(int rank) : rank_(rank) {}

  void OnTestStart(const ::testing::TestInfo& test) override {
    // Kept: gtest holds its lock while it reports a failure, so nobody can ask it then.
    test_ = std::string(test.test_suite_name()) + "." + test.name();
  }

  void OnTestPartResult(const ::testing::TestPartResult& result) override {
    if (!result.failed()) return;
    std::fprintf(stderr, "[rank %d] %s: %s:%d: %s\n", rank_, test_.c_str(),
                 result.file_name() ? result.file_name() : "", result.line_number(),
                 result.message());
  }

 private:
  int rank_;
  std::string test_;
};

int rank_option(int argc, char** argv, const char* name) {
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::strcmp(argv[i], name) == 0) return std::atoi(argv[i + 1]);
  }
  return -1;
}

void wait_for_debugger(int rank) {
  volatile int go = 0;
  std::fprintf(stderr, "[rank %d] process %d waits for a debugger\n", rank, getpid());
  while (go == 0) sleep(1);
}

// Sums for ever, until the killed rank's death ends the job.
[[noreturn]] void sum_until_killed(tutti::MpiWorld& world, int victim) {
  const auto group = world.world();
  at::Tensor values = at::ones({1 << 20});
  for (int round = 0;; ++round) {
    const auto sum = group->start_all_reduce_sum(values);
    if (world.rank() == victim && round == 3) raise(SIGKILL);
    sum->wait();
  }
}

int run(int argc, char** argv) {
  tutti::MpiWorld& world = *world_slot();
  const int victim = rank_option(argc, argv, "--kill-rank");
  if (victim >= 0) sum_until_killed(world, victim);
  ::testing::InitGoogleTest(&argc, argv);
  if (rank_option(argc, argv, "--hang-rank") == world.rank()) wait_for_debugger(world.rank());
  auto& listeners = ::testing::UnitTest::GetInstance()->listeners();
  if (world.rank() != 0) {
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new RankPrinter(world.rank()));  // gtest owns it
  }
  const auto group = world.world();
  int failed = RUN_ALL_TESTS();
  if (rank_option(argc, argv, "--fail-rank") == world.rank()) failed = 1;
  at::Tensor verdict = at::full({1}, failed, at::kLong);
  group->all_reduce_sum(verdict);
  return verdict.item<std::int64_t>() == 0 ? 0 : 1;
}

}  // namespace

namespace tutti::test {
MpiWorld& mpi_world() { return *world_slot(); }
}  // namespace tutti::test

int main(int argc, char** argv) {
  at::set_num_threads(1);
  // Short, so that a rank that left a collective early becomes a failure and not a hang.
  world_slot() = std::make_unique<tutti::MpiWorld>(
      tutti::MpiOptions{.timeout = std::chrono::seconds(20), .max_count = 1 << 30});
  const int verdict = run(argc, argv);
  world_slot().reset();
  return verdict;
}
