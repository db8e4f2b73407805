#include "tutti/train/comm/mpi_wait.hpp"

#include "tutti/data/error.hpp"

#include <c10/util/BFloat16.h>
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

void mpi_wait(MPI_Request& request, std::chrono::milliseconds timeout, bool eager,
              const MpiCall& call) {
  int done = 0;
  mpi_check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), call);
  const auto start = Clock::now();
  auto waited = Clock::duration::zero();
  for (int test = 1; done == 0; ++test) {
    if (!eager && waited > kYieldFor) {
      std::this_thread::sleep_for(kSleep);
    } else {
      sched_yield();
    }
    mpi_check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), call);
    if (test % kTestsBetweenClockReads != 0 && waited < kYieldFor) continue;
    waited = Clock::now() - start;
    if (done == 0 && waited > timeout) {
      const double seconds = std::chrono::duration<double>(waited).count();
      throw Error(Code::Resumable,
                  who(call) + ": " + call.operation + " did not end within " +
                      std::to_string(seconds).substr(0, std::to_string(seconds).find('.') + 2) +
                      " s",
                  "another rank has stopped or is slow; run the same command again to resume");
    }
  }
}

// Called by MPI: must not throw.
extern "C" void tutti_sum_bf16(void* in, void* inout, int* count, MPI_Datatype* /*type*/) {
  const auto* const from = static_cast<const c10::BFloat16*>(in);
  auto* const to = static_cast<c10::BFloat16*>(inout);
  for (int i = 0; i < *count; ++i) {
    to[i] = static_cast<c10::BFloat16>(static_cast<float>(to[i]) + static_cast<float>(from[i]));
  }
}

Bf16Sum make_bf16_sum() {
  const MpiCall call{0, 1, "MPI_Op_create for bfloat16"};
  Bf16Sum made;
  mpi_check(MPI_Type_contiguous(sizeof(c10::BFloat16), MPI_BYTE, &made.type), call);
  mpi_check(MPI_Type_commit(&made.type), call);
  mpi_check(MPI_Op_create(tutti_sum_bf16, /*commute=*/1, &made.sum), call);
  return made;
}

void free_bf16_sum(Bf16Sum& made) noexcept {
  if (made.sum != MPI_OP_NULL) MPI_Op_free(&made.sum);
  if (made.type != MPI_DATATYPE_NULL) MPI_Type_free(&made.type);
}

}  // namespace tutti::detail
