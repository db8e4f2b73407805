#include "tutti/train/layer_runner.hpp"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <utility>

namespace tutti {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// What backward needs of a layer; the graph keeps it.
struct Held final : torch::CustomClassHolder {
  LayerFunction function;
  std::function<void()> before, after;
};
using HeldPointer = c10::intrusive_ptr<Held>;

void keep(AutogradContext* context, const HeldPointer& held) {
  context->saved_data["held"] = c10::IValue::make_capsule(held);
}

HeldPointer kept(AutogradContext* context) {
  return c10::static_intrusive_pointer_cast<Held>(context->saved_data["held"].toCapsule());
}

struct Checkpointed : torch::autograd::Function<Checkpointed> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x,
                            const HeldPointer& held) {
    context->save_for_backward({x});
    keep(context, held);
    held->before();
    at::Tensor y = held->function(x);
    held->after();
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const HeldPointer held = kept(context);
    held->before();
    const at::Tensor x = context->get_saved_variables()[0].detach().requires_grad_(true);
    {
      const c10::AutoGradMode with_graph(true);
      torch::autograd::backward({held->function(x)}, {gradients[0]});
    }
    held->after();
    return {x.grad(), at::Tensor()};
  }
};

/// The identity; calls `before` in backward.
struct BeforeBackward : torch::autograd::Function<BeforeBackward> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& y,
                            const HeldPointer& held) {
    keep(context, held);
    return y.view_as(y);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    kept(context)->before();
    return {gradients[0], at::Tensor()};
  }
};

/// The identity; calls `after` in backward.
struct AfterBackward : torch::autograd::Function<AfterBackward> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x,
                            const HeldPointer& held) {
    keep(context, held);
    return x.view_as(x);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    kept(context)->after();
    return {gradients[0], at::Tensor()};
  }
};

HeldPointer hold(const LayerFunction& function, const std::function<void()>& before,
                 const std::function<void()>& after) {
  const std::function<void()> nothing = [] {};
  auto held = c10::make_intrusive<Held>();
  held->function = function;
  held->before = before ? before : nothing;
  held->after = after ? after : nothing;
  return held;
}

// Or a function of this input alone would have no backward, whatever parameters it reads.
at::Tensor with_gradient(const at::Tensor& x) {
  return x.requires_grad() ? x : x.detach().requires_grad_(true);
}

}  // namespace

at::Tensor run_checkpointed(const at::Tensor& x, const LayerFunction& function,
                            const std::function<void()>& before,
                            const std::function<void()>& after) {
  return Checkpointed::apply(with_gradient(x), hold(function, before, after));
}

at::Tensor run_between(const at::Tensor& x, const LayerFunction& function,
                       const std::function<void()>& before, const std::function<void()>& after) {
  const HeldPointer held = hold({}, before, after);
  held->before();
  const at::Tensor y =
      BeforeBackward::apply(function(AfterBackward::apply(with_gradient(x), held)), held);
  held->after();
  return y;
}

}  // namespace tutti
