#include "tutti/train/optimizer.hpp"

#include "tutti/data/error.hpp"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

namespace tutti {

namespace {

/// Parameters that share a weight decay, as the fused kernels want them.
struct ParameterGroup {
  double weight_decay = 0;
  std::vector<at::Tensor> parameters, gradients, means, squares, steps;
};

struct Waiting {
  at::Tensor parameter, gradient;
};

}  // namespace

struct Optimizer::Impl {
  OptimizerOptions options;
  std::vector<Waiting> waiting;  ///< no gradient so far
  ParameterGroup decayed, plain;

  void admit() {
    std::erase_if(waiting, [&](const Waiting& one) {
      if (one.gradient.count_nonzero().item<std::int64_t>() == 0) return false;
      ParameterGroup& group = one.parameter.dim() >= 2 ? decayed : plain;
      group.parameters.push_back(one.parameter);
      group.gradients.push_back(one.gradient);
      group.means.push_back(at::zeros_like(one.parameter));
      group.squares.push_back(at::zeros_like(one.parameter));
      group.steps.push_back(at::zeros({}, one.parameter.options().dtype(at::kFloat)));
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
    : impl_(std::make_unique<Impl>()) {
  TUTTI_ASSERT(parameters.size() == gradients.size(), "one gradient a parameter");
  if (options.name != "adamw" && options.name != "adam") {
    throw Error(Code::Config, "unknown optimizer '" + options.name + "'", "known: adam, adamw");
  }
  impl_->options = options;
  impl_->decayed.weight_decay = options.weight_decay;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    // Detached: the same values, and an update is not part of any graph.
    impl_->waiting.push_back({parameters[i].second.detach(), gradients[i]});
  }
}

Optimizer::~Optimizer() = default;

void Optimizer::step(double learning_rate, double gradient_divisor) {
  const c10::NoGradGuard no_grad;
  if (!impl_->waiting.empty()) impl_->admit();
  impl_->update(impl_->decayed, learning_rate, gradient_divisor);
  impl_->update(impl_->plain, learning_rate, gradient_divisor);
}

}  // namespace tutti
