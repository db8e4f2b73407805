#include "tutti/train/comm/mpi_wait.hpp"

#include "tutti/data/error.hpp"

#include <sched.h>

#include <thread>

namespace tutti::detail {

namespace {

using Clock = std::chrono::steady_clock;

// A peer that is about to come arrives within this time; after it, waiting is cheap before quick.
constexpr auto kYieldFor = std::chrono::milliseconds(2);
constexpr auto kSleep = std::chrono::microseconds(50);
constexpr int kTestsBetweenClockReads = 64;

std::string who(const MpiCall& call) {
  return "rank " + std::to_string(call.rank) + " of " + std::to_string(call.world_size);
}

}  // namespace

void mpi_check(int code, const MpiCall& call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = "unknown error";
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw Error(Code::Resumable, who(call) + ": " + call.operation + " failed: " + text,
              "run the same command again to resume");
}

void mpi_wait(const std::function<bool()>& test, std::chrono::milliseconds timeout, bool eager,
              const MpiCall& call) {
  bool done = test();
  const auto start = Clock::now();
  auto waited = Clock::duration::zero();
  for (int tests = 1; !done; ++tests) {
    if (!eager && waited > kYieldFor) {
      std::this_thread::sleep_for(kSleep);
    } else {
      sched_yield();
    }
    done = test();
    if (tests % kTestsBetweenClockReads != 0 && waited < kYieldFor) continue;
    waited = Clock::now() - start;
    if (!done && waited > timeout) {
      const double seconds = std::chrono::duration<double>(waited).count();
      throw Error(Code::Resumable,
                  who(call) + ": " + call.operation + " did not end within " +
                      std::to_string(seconds).substr(0, std::to_string(seconds).find('.') + 2) +
                      " s",
                  "another rank has stopped or is slow; run the same command again to resume");
    }
  }
}

}  // namespace tutti::detail
