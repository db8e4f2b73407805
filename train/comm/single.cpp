#include "tutti/data/error.hpp"
#include "tutti/train/comm/tensors.hpp"
#include "tutti/train/communicator.hpp"

#include <ATen/ATen.h>

#include <algorithm>

namespace tutti {

namespace {

class SingleCommunicator final : public Communicator {
 public:
  [[nodiscard]] int rank() const noexcept override { return 0; }
  [[nodiscard]] int world_size() const noexcept override { return 1; }

  void all_reduce_sum(at::Tensor& inout) override { detail::check_collective_tensor(inout); }

  void broadcast(at::Tensor& inout, int root) override {
    detail::check_collective_tensor(inout);
    TUTTI_ASSERT(root == 0, "broadcast from a rank that the group does not have");
  }

  void all_gather(std::span<const std::byte> mine, std::span<std::byte> all) override {
    TUTTI_ASSERT(all.size() == mine.size(), "all_gather: wrong size of the result");
    std::copy(mine.begin(), mine.end(), all.begin());
  }

  void barrier() override {}

  std::unique_ptr<Communicator> split(int /*colour*/, int /*key*/) override {
    return make_single_communicator();
  }

  std::unique_ptr<Pending> start_all_reduce_sum(const at::Tensor& inout) override {
    detail::check_collective_tensor(inout);
    return nothing_pending();
  }

  std::unique_ptr<Pending> start_reduce_scatter_sum(const at::Tensor& all,
                                                    const at::Tensor& mine) override {
    detail::check_pieces(all, mine, 1);
    detail::copy_values(all, mine);
    return nothing_pending();
  }

  std::unique_ptr<Pending> start_all_gather(const at::Tensor& mine,
                                            const at::Tensor& all) override {
    detail::check_pieces(all, mine, 1);
    detail::copy_values(mine, all);
    return nothing_pending();
  }

  std::unique_ptr<Pending> start_send(const at::Tensor& /*values*/, int /*to*/) override {
    return no_other_rank();
  }

  std::unique_ptr<Pending> start_receive(const at::Tensor& /*into*/, int /*from*/) override {
    return no_other_rank();
  }

 private:
  static std::unique_ptr<Pending> no_other_rank() {
    TUTTI_ASSERT(false, "a group of one rank has nobody to send to or receive from");
    return nothing_pending();
  }
};

}  // namespace

std::unique_ptr<Communicator> make_single_communicator() {
  return std::make_unique<SingleCommunicator>();
}

}  // namespace tutti
