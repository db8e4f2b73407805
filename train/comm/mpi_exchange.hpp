#pragma once

// Only for the .cpp files of the MPI communicator: this header includes mpi.h.

#include "tutti/train/comm/mpi_pending.hpp"

#include <ATen/core/Tensor.h>
#include <mpi.h>

#include <cstdint>
#include <deque>
#include <vector>

namespace tutti::detail {

/// Of float32, float64, int64; bfloat16 only moves, as 16-bit words, and is summed by us.
MPI_Datatype mpi_type(at::ScalarType type);

/// The ranks of a group by host. Every list is in rank order.
struct HostMap {
  std::vector<std::vector<int>> hosts;
  std::size_t mine = 0;    ///< which of them is this rank's
  std::size_t place = 0;   ///< of this rank in it
  std::size_t owners = 1;  ///< ranks of the smallest host: so many of each sum pieces

  /// `host_of` [rank]; a group on one host, or with one rank on each, is one flat list.
  HostMap(const std::vector<int>& host_of, int rank);
};

/// What every transfer of an operation needs.
struct Exchange {
  MPI_Comm comm;
  int tag;                 ///< no two operations under way share one
  std::int64_t max_count;  ///< values in one MPI call
  MpiCall call;

  void send(const at::Tensor& values, int to, std::vector<MPI_Request>& requests) const;
  void receive(const at::Tensor& into, int from, std::vector<MPI_Request>& requests) const;

  /// Sums `inout` over all ranks in place: each owner of a piece sums it over its host in rank
  /// order, then over hosts in order, and gives it to all. The result has the same bits everywhere.
  [[nodiscard]] std::deque<MpiStage> all_reduce(const at::Tensor& inout, const HostMap& map) const;
  /// `mine` becomes the sum of everybody's piece of this rank.
  [[nodiscard]] std::deque<MpiStage> reduce_scatter(const at::Tensor& all, const at::Tensor& mine,
                                                    int rank, int ranks) const;
  [[nodiscard]] std::deque<MpiStage> all_gather(const at::Tensor& mine, const at::Tensor& all,
                                                int rank, int ranks) const;
};

}  // namespace tutti::detail
