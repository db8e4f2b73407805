#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace at {
class Tensor;
}

namespace tutti {

class Communicator;
struct ParameterSlice;

struct OptimizerOptions {
  std::string name = "adamw";  ///< adamw: decoupled decay (Loshchilov, Hutter 2019) | adam: L2
  double weight_decay = 0.01;  ///< on matrices alone: biases and norms, of one dimension, have none
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
};

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// Adam and AdamW as torch.optim has them (Kingma, Ba 2015), by LibTorch's fused kernels; state in
/// fp32. A parameter takes part from the first step in which its gradient is not all zero: one that
/// the loss never reaches (the classification layer in pre-training) is not decayed away.
class Optimizer {
 public:
  /// `gradients`: what each step reads, one a parameter, in their order; changed by step.
  /// Throws Error(Config) for an unknown name.
  Optimizer(const NamedTensors& parameters, const std::vector<at::Tensor>& gradients,
            const OptimizerOptions& options);
  /// Of slices of `parameters` parameters, of which other ranks hold the rest.
  Optimizer(std::vector<ParameterSlice> slices, const OptimizerOptions& options,
            std::size_t parameters);
  ~Optimizer();

  /// Lets the parameters take part whose gradients are not all zero on some rank. Collective,
  /// where ranks hold slices; call it before step.
  void admit(Communicator& group);

  /// One update with gradients divided by `gradient_divisor` (the weight of a loss, and clipping).
  /// Alone, a process needs no admit.
  void step(double learning_rate, double gradient_divisor);

  /// Of the state, at most.
  [[nodiscard]] std::int64_t bytes() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tutti
