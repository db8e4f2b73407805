#pragma once

// Only for the .cpp files of the MPI communicator: this header includes mpi.h.

#include <mpi.h>

#include <chrono>
#include <functional>
#include <string>

namespace tutti::detail {

/// Who and what an MPI call is for, for error lines.
struct MpiCall {
  int rank = 0;
  int world_size = 1;
  const char* operation = "";
};

/// Throws Error(Resumable) with MPI's own text unless `code` is MPI_SUCCESS.
void mpi_check(int code, const MpiCall& call);

/// Polls `test` until it is true, without burning the core: yields for a moment, then sleeps
/// between polls unless `eager`. Throws Error(Resumable) when `timeout` has passed.
void mpi_wait(const std::function<bool()>& test, std::chrono::milliseconds timeout, bool eager,
              const MpiCall& call);

}  // namespace tutti::detail
