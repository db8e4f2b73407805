#pragma once

// Only for the .cpp files of the trainer: this header includes LibTorch.

#include "tutti/train/buckets.hpp"
#include "tutti/train/communicator.hpp"
#include "tutti/train/layer_runner.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace tutti {

/// Parameters of which each rank updates a piece of every bucket. Either all ranks keep all values,
/// and exchange them after an update; or (`release`) a rank keeps its pieces, fetches a layer
/// before it is used in forward and again in backward, and lets it go after each. What belongs to
/// no layer is there from begin_step to end_step.
///
/// All methods are collective. In a pass every rank fetches the same layers in the same order:
/// end_pass makes up for a pass that was broken off or had nothing to do. Each layer may run once a
/// pass, in their order.
class ParameterShards final : public LayerRunner {
 public:
  /// Moves the values of the parameters into buckets; with `release`, made by layer. `group` is
  /// this object's own.
  ParameterShards(Communicator& group, const NamedTensors& parameters,
                  const std::vector<Bucket>& buckets, bool release, bool checkpoint);
  ~ParameterShards() override;

  /// [bucket] values of this rank's piece.
  [[nodiscard]] const std::vector<at::Tensor>& pieces() const noexcept;

  void begin_step();
  void begin_pass();
  void end_pass();
  void end_step();
  /// After an update of the pieces.
  void publish();
  /// Everything is there again, for good: the model can be used and saved as any, and the pieces
  /// are gone.
  void restore();

  at::Tensor run(std::size_t layer, const at::Tensor& x, const LayerFunction& function) override;

  /// Of parameters' values, the most at any time so far.
  [[nodiscard]] std::int64_t bytes() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tutti
