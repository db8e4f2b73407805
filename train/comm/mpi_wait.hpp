#pragma once

// Only for the .cpp files of the MPI communicator: this header includes mpi.h.

#include <mpi.h>

#include <chrono>
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

/// Waits for a request without burning the core: yields for a moment, then sleeps between tests
/// unless `eager`. Throws Error(Resumable) when `timeout` has passed.
void mpi_wait(MPI_Request& request, std::chrono::milliseconds timeout, bool eager,
              const MpiCall& call);

/// The type and the operation that sum bfloat16 values; freed before MPI_Finalize.
struct Bf16Sum {
  MPI_Datatype type = MPI_DATATYPE_NULL;
  MPI_Op sum = MPI_OP_NULL;
};
Bf16Sum make_bf16_sum();
void free_bf16_sum(Bf16Sum& made) noexcept;

}  // namespace tutti::detail
