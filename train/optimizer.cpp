#include "tutti/train/optimizer.hpp"

#include "tutti/data/error.hpp"
#include "tutti/train/buckets.hpp"
#include "tutti/train/communicator.hpp"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <utility>

namespace tutti {

namespace {

/// Parameters that share a weight decay, as the fused kernels want them.
struct ParameterGroup {
  double weight_decay = 0;
  std::vector<at::Tensor> parameters, gradients, means, squares, steps;
};

std::vector<ParameterSlice> whole(const NamedTensors& parameters,
                                  const std::vector<at::Tensor>& gradients) {
  TUTTI_ASSERT(parameters.size() == gradients.size(), "one gradient a parameter");
  std::vector<ParameterSlice> slices;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const at::Tensor& value = parameters[i].second;
    slices.push_back({i, value.dim() >= 2, value, gradients[i]});
  }
  return slices;
}

}  // namespace

struct Optimizer::Impl {
  OptimizerOptions options;
  bool alone = true;                    ///< this process holds all of every parameter
  std::vector<ParameterSlice> waiting;  ///< no gradient so far
  std::vector<bool> admitted;           ///< [parameter]
  std::int64_t bytes = 0;
  ParameterGroup decayed, plain;

  [[nodiscard]] bool all_admitted() const {
    return std::find(admitted.begin(), admitted.end(), false) == admitted.end();
  }

  // 1 for each waiting parameter with a gradient here. [parameter]
  [[nodiscard]] at::Tensor touched() const {
    at::Tensor out = at::zeros({static_cast<std::int64_t>(admitted.size())}, at::kLong);
    auto* const flags = out.mutable_data_ptr<std::int64_t>();
    for (const ParameterSlice& one : waiting) {
      if (one.gradient.count_nonzero().item<std::int64_t>() != 0) flags[one.parameter] = 1;
    }
    return out;
  }

  void admit(const at::Tensor& flags) {
    const auto* const touched = flags.const_data_ptr<std::int64_t>();
    for (std::size_t p = 0; p < admitted.size(); ++p) {
      if (touched[p] != 0) admitted[p] = true;
    }
    std::erase_if(waiting, [&](const ParameterSlice& one) {
      if (!admitted[one.parameter]) return false;
      ParameterGroup& group = one.matrix ? decayed : plain;
      group.parameters.push_back(one.value);
      group.gradients.push_back(one.gradient);
      group.means.push_back(at::zeros_like(one.value));
      group.squares.push_back(at::zeros_like(one.value));
      group.steps.push_back(at::zeros({}, one.value.options().dtype(at::kFloat)));
      bytes += 2 * static_cast<std::int64_t>(one.value.nbytes());
      return true;
    });
  }

  void update(ParameterGroup& group, double learning_rate, double gradient_divisor) const {
    if (group.parameters.empty()) return;
    const at::Tensor divisor = at::full({}, gradient_divisor, group.steps.front().options());
    at::_foreach_add_(group.steps, 1);  // the kernels read the number of this step
    if (options.name == "adamw") {
      run_adamw(group, learning_rate, options, divisor);
    } else {
      run_adam(group, learning_rate, options, divisor);
    }
  }

  static void run_adamw(ParameterGroup& group, double learning_rate, const OptimizerOptions& with,
                        const at::Tensor& divisor) {
    at::_fused_adamw_(group.parameters, group.gradients, group.means, group.squares, {},
                      group.steps, learning_rate, with.beta1, with.beta2, group.weight_decay,
                      with.epsilon, /*amsgrad=*/false, /*maximize=*/false, divisor);
  }

  static void run_adam(ParameterGroup& group, double learning_rate, const OptimizerOptions& with,
                       const at::Tensor& divisor) {
    at::_fused_adam_(group.parameters, group.gradients, group.means, group.squares, {}, group.steps,
                     learning_rate, with.beta1, with.beta2, group.weight_decay, with.epsilon,
                     /*amsgrad=*/false, /*maximize=*/false, divisor);
  }
};

Optimizer::Optimizer(const NamedTensors& parameters, const std::vector<at::Tensor>& gradients,
                     const OptimizerOptions& options)
    : Optimizer(whole(parameters, gradients), options, parameters.size()) {}

Optimizer::Optimizer(std::vector<ParameterSlice> slices, const OptimizerOptions& options,
                     std::size_t parameters)
    : impl_(std::make_unique<Impl>()) {
  if (options.name != "adamw" && options.name != "adam") {
    throw Error(Code::Config, "unknown optimizer '" + options.name + "'", "known: adam, adamw");
  }
  impl_->options = options;
  impl_->decayed.weight_decay = options.weight_decay;
  impl_->admitted.resize(parameters, false);
  impl_->waiting = std::move(slices);
  // Detached: the same values, and an update is not part of any graph.
  for (ParameterSlice& slice : impl_->waiting) slice.value = slice.value.detach();
}

Optimizer::~Optimizer() = default;

void Optimizer::admit(Communicator& group) {
  impl_->alone = false;
  if (impl_->all_admitted()) return;
  at::Tensor flags = impl_->touched();
  group.all_reduce_sum(flags);
  impl_->admit(flags);
}

std::int64_t Optimizer::bytes() const noexcept { return impl_->bytes; }

void Optimizer::step(double learning_rate, double gradient_divisor) {
  const c10::NoGradGuard no_grad;
  if (impl_->alone && !impl_->all_admitted()) impl_->admit(impl_->touched());
  impl_->update(impl_->decayed, learning_rate, gradient_divisor);
  impl_->update(impl_->plain, learning_rate, gradient_divisor);
}

}  // namespace tutti
