#pragma once

// Only for the .cpp files of the MPI communicator: this header includes mpi.h.

#include "tutti/train/comm/mpi.hpp"
#include "tutti/train/comm/mpi_exchange.hpp"
#include "tutti/train/comm/mpi_pending.hpp"
#include "tutti/train/comm/mpi_wait.hpp"
#include "tutti/train/communicator.hpp"

#include <mpi.h>

namespace tutti::detail {

/// A group over an MPI communicator, which it owns and frees. `host_of` [rank of the world] numbers
/// the hosts.
class MpiCommunicator final : public Communicator {
 public:
  MpiCommunicator(MPI_Comm comm, const MpiOptions& options, const std::vector<int>& host_of);
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
  std::unique_ptr<Pending> start_all_reduce_sum(const at::Tensor& inout) override;
  std::unique_ptr<Pending> start_reduce_scatter_sum(const at::Tensor& all,
                                                    const at::Tensor& mine) override;
  std::unique_ptr<Pending> start_all_gather(const at::Tensor& mine, const at::Tensor& all) override;
  std::unique_ptr<Pending> start_send(const at::Tensor& values, int to) override;
  std::unique_ptr<Pending> start_receive(const at::Tensor& into, int from) override;

 private:
  [[nodiscard]] MpiCall call(const char* operation) const {
    return {rank_, world_size_, operation};
  }
  void start(const char* operation) const;
  void arrive(const char* operation);
  void wait(MPI_Request& request, bool eager, const char* operation);
  [[nodiscard]] std::unique_ptr<MpiPending> pending(std::deque<MpiStage> stages,
                                                    const char* operation);
  [[nodiscard]] std::unique_ptr<MpiPending> sum(const at::Tensor& inout);
  [[nodiscard]] Exchange next_exchange(const char* operation);
  void broadcast_bytes(std::byte* bytes, std::size_t size, int root, const char* operation);

  MPI_Comm comm_;
  MpiOptions options_;
  std::vector<int> host_of_;
  HostMap map_;
  int rank_ = 0;
  int world_size_ = 1;
  int exchanges_ = 0;  ///< so many have been started: the same number on all ranks
  MpiFlights flights_;
};

}  // namespace tutti::detail
