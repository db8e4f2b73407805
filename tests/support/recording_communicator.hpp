#pragma once

#include "tutti/train/communicator.hpp"

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <span>

namespace tutti::test {

/// Another group, with a look at each gradient sum that is started.
class RecordingCommunicator final : public Communicator {
 public:
  RecordingCommunicator(Communicator& of, std::function<void()> on_start)
      : of_(of), on_start_(std::move(on_start)) {}
  [[nodiscard]] int rank() const noexcept override { return of_.rank(); }
  [[nodiscard]] int world_size() const noexcept override { return of_.world_size(); }
  void all_reduce_sum(at::Tensor& inout) override { of_.all_reduce_sum(inout); }
  void broadcast(at::Tensor& inout, int root) override { of_.broadcast(inout, root); }
  void all_gather(std::span<const std::byte> mine, std::span<std::byte> all) override {
    of_.all_gather(mine, all);
  }
  void barrier() override { of_.barrier(); }
  std::unique_ptr<Communicator> split(int colour, int key) override {
    return of_.split(colour, key);
  }
  std::unique_ptr<Pending> start_all_reduce_sum(const at::Tensor& inout) override {
    on_start_();
    return of_.start_all_reduce_sum(inout);
  }
  std::unique_ptr<Pending> start_reduce_scatter_sum(const at::Tensor& all,
                                                    const at::Tensor& mine) override {
    on_start_();
    return of_.start_reduce_scatter_sum(all, mine);
  }
  std::unique_ptr<Pending> start_all_gather(const at::Tensor& mine,
                                            const at::Tensor& all) override {
    return of_.start_all_gather(mine, all);
  }
  std::unique_ptr<Pending> start_send(const at::Tensor& values, int to) override {
    return of_.start_send(values, to);
  }
  std::unique_ptr<Pending> start_receive(const at::Tensor& into, int from) override {
    return of_.start_receive(into, from);
  }

 private:
  Communicator& of_;
  std::function<void()> on_start_;
};

}  // namespace tutti::test
