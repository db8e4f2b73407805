#include "tutti/data/error.hpp"
#include "tutti/train/comm/tensor_check.hpp"
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
};

}  // namespace

std::unique_ptr<Communicator> make_single_communicator() {
  return std::make_unique<SingleCommunicator>();
}

}  // namespace tutti
