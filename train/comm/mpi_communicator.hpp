#pragma once

// Only for the .cpp files of the MPI communicator: this header includes mpi.h.

#include "tutti/train/comm/mpi.hpp"
#include "tutti/train/comm/mpi_wait.hpp"
#include "tutti/train/communicator.hpp"

#include <mpi.h>

namespace tutti::detail {

/// A group over an MPI communicator, which it owns and frees.
class MpiCommunicator final : public Communicator {
 public:
  MpiCommunicator(MPI_Comm comm, const MpiOptions& options, const Bf16Sum& bf16);
  ~MpiCommunicator() override;
  MpiCommunicator(const MpiCommunicator&) = delete;
  MpiCommunicator& operator=(const MpiCommunicator&) = delete;

  [[nodiscard]] int rank() const noexcept override { return rank_; }
  [[nodiscard]] int world_size() const noexcept override { return world_size_; }
  void all_reduce_sum(at::Tensor& inout) override;
  void broadcast(at::Tensor& inout, int root) override;
  void all_gather(std::span<const std::byte> mine, std::span<std::byte> all) override;
  void barrier() override;
  std::unique_ptr<Communicator> split(int colour, int key) override;

 private:
  [[nodiscard]] MpiCall call(const char* operation) const {
    return {rank_, world_size_, operation};
  }
  void start(const char* operation) const;
  void arrive(const char* operation);
  void wait(MPI_Request& request, bool eager, const char* operation);
  void broadcast_bytes(std::byte* bytes, std::size_t size, int root, const char* operation);

  MPI_Comm comm_;
  MpiOptions options_;
  Bf16Sum bf16_;  ///< borrowed from the world
  int rank_ = 0;
  int world_size_ = 1;
  bool broken_ = false;  ///< a call has failed: a request may still be under way
};

}  // namespace tutti::detail
