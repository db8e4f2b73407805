#pragma once

#include "tutti/train/communicator.hpp"
#include "tutti/train/optimizer.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace tutti {

/// What the ranks of a group add up in a step, beside gradients.
struct StepSums {
  double loss = 0;
  double weight = 0;    ///< what the loss is a sum over
  double failed = 0;    ///< ranks whose computation failed
  double reported = 0;  ///< ranks whose report (on_step) failed
};

/// Gradients of all parameters in one flat fp32 buffer: autograd adds into views of it, and one
/// all-reduce sums it over a group, StepSums with it.
class Reducer {
 public:
  /// Makes each parameter a leaf with gradient, and gives it its view as gradient.
  explicit Reducer(const NamedTensors& parameters);
  ~Reducer();

  /// One a parameter.
  [[nodiscard]] const std::vector<at::Tensor>& gradients() const noexcept;

  /// All gradients to zero: call before the first backward of a step.
  void clear();

  /// Gradients and sums of all ranks, on every rank. Collective.
  void sum_over(Communicator& group, StepSums& sums);

  /// Of the gradients as they are. Not finite when any of them is not.
  [[nodiscard]] double gradient_norm() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tutti
