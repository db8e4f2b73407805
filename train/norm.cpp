#include "tutti/train/norm.hpp"

#include "tutti/data/error.hpp"
#include "tutti/train/kernels/rows.hpp"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <utility>

namespace tutti {

namespace {

using kernels::Bf16;

const float* floats_of(const at::Tensor& x) {
  return x.defined() && x.numel() > 0 ? x.const_data_ptr<float>() : nullptr;
}
const Bf16* halves_of(const at::Tensor& x) {
  return x.defined() ? static_cast<const Bf16*>(x.const_data_ptr()) : nullptr;
}
Bf16* mutable_halves_of(at::Tensor& x) {
  return x.defined() ? static_cast<Bf16*>(x.mutable_data_ptr()) : nullptr;
}
float* mutable_floats_of(at::Tensor& x) {
  return x.defined() ? x.mutable_data_ptr<float>() : nullptr;
}
at::Tensor contiguous(const at::Tensor& x) { return x.defined() ? x.contiguous() : x; }

struct NormCall {
  bool has_x = false;
  bool root_mean_square = false;
  double epsilon = 0;
  double dropout = 0;
  bool floats = false, halves = false;
};

kernels::NormShape shape_of(const at::Tensor& rows, const at::Tensor& keys, double epsilon,
                            double dropout, bool root_mean_square) {
  kernels::NormShape shape;
  shape.rows = rows.size(0);
  shape.width = rows.size(1);
  shape.epsilon = epsilon;
  shape.root_mean_square = root_mean_square;
  if (keys.numel() > 0) shape.drop = {keys.const_data_ptr<std::int64_t>(), dropout};
  return shape;
}

std::int64_t chunks_of(std::int64_t rows) {
  return (rows + kernels::kNormChunk - 1) / kernels::kNormChunk;
}

/// Rows `begin` to `end` of every operand.
kernels::NormForward from_row(kernels::NormForward at, std::int64_t begin) {
  const auto move = [&](auto*& pointer) {
    if (pointer != nullptr) pointer += begin;
  };
  move(at.residual);
  move(at.x_floats);
  move(at.x_halves);
  move(at.sum);
  move(at.out_floats);
  move(at.out_halves);
  return at;
}

// Outputs: the sum, the norm in fp32, the norm in bf16; an empty tensor for what is not wanted.
struct NormFunction : torch::autograd::Function<NormFunction> {
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context,
                                                const at::Tensor& residual, const at::Tensor& x,
                                                const at::Tensor& gain, const at::Tensor& bias,
                                                const at::Tensor& keys, const NormCall& call) {
    const auto floats = residual.options().dtype(at::kFloat);
    at::Tensor sum = call.has_x ? at::empty(residual.sizes(), floats) : residual;
    at::Tensor out_floats = call.floats ? at::empty(residual.sizes(), floats) : at::Tensor();
    at::Tensor out_halves =
        call.halves ? at::empty(residual.sizes(), floats.dtype(at::kBFloat16)) : at::Tensor();
    kernels::NormForward at;
    at.residual = floats_of(residual);
    if (call.has_x && x.scalar_type() == at::kBFloat16) at.x_halves = halves_of(x);
    if (call.has_x && x.scalar_type() == at::kFloat) at.x_floats = floats_of(x);
    at.gain = floats_of(gain);
    at.bias = floats_of(bias);
    if (call.has_x) at.sum = mutable_floats_of(sum);
    at.out_floats = mutable_floats_of(out_floats);
    at.out_halves = mutable_halves_of(out_halves);
    const auto shape = shape_of(residual, keys, call.epsilon, call.dropout, call.root_mean_square);
    at::parallel_for(0, shape.rows, kernels::kNormChunk, [&](std::int64_t begin, std::int64_t end) {
      kernels::NormShape part = shape;
      part.rows = end - begin;
      if (part.drop.keys != nullptr) part.drop.keys += begin;
      kernels::norm_forward(part, from_row(at, begin * shape.width));
    });
    context->save_for_backward({sum, gain, keys});
    context->saved_data["has_x"] = call.has_x;
    context->saved_data["halves"] = call.has_x && x.scalar_type() == at::kBFloat16;
    context->saved_data["bias"] = bias.numel() > 0;
    context->saved_data["epsilon"] = call.epsilon;
    context->saved_data["dropout"] = call.dropout;
    context->set_materialize_grads(false);
    // Without x the sum is the residual itself, and no output.
    const at::Tensor none = at::empty({0}, floats);
    return {call.has_x ? sum : none, call.floats ? out_floats : none,
            call.halves ? out_halves : none};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& sum = saved[0];
    const at::Tensor& gain = saved[1];
    const bool has_x = context->saved_data["has_x"].toBool();
    const bool halves = context->saved_data["halves"].toBool();
    const bool has_bias = context->saved_data["bias"].toBool();
    const at::Tensor out_sum = contiguous(gradients[0]);
    const at::Tensor out_floats = contiguous(gradients[1]);
    const at::Tensor out_halves = contiguous(gradients[2]);
    const auto shape = shape_of(sum, saved[2], context->saved_data["epsilon"].toDouble(),
                                context->saved_data["dropout"].toDouble(), !has_bias);
    const std::int64_t chunks = chunks_of(shape.rows);
    at::Tensor residual = at::empty_like(sum);
    at::Tensor x;
    if (has_x)
      x = halves ? at::empty_like(sum, sum.options().dtype(at::kBFloat16)) : at::empty_like(sum);
    at::Tensor gain_parts = at::empty({chunks, shape.width}, sum.options());
    at::Tensor bias_parts;
    if (has_bias) bias_parts = at::empty({chunks, shape.width}, sum.options());
    kernels::NormBackward at;
    at.sum = floats_of(sum);
    at.gain = floats_of(gain);
    at.out_sum = floats_of(out_sum);
    at.out_floats = floats_of(out_floats);
    at.out_halves = halves_of(out_halves);
    at.residual = mutable_floats_of(residual);
    if (has_x && halves) at.x_halves = mutable_halves_of(x);
    if (has_x && !halves) at.x_floats = mutable_floats_of(x);
    at.gain_gradient = mutable_floats_of(gain_parts);
    at.bias_gradient = mutable_floats_of(bias_parts);
    at::parallel_for(0, chunks, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t chunk = begin; chunk < end; ++chunk) {
        kernels::norm_backward(shape, at, chunk);
      }
    });
    return {residual,          x,
            gain_parts.sum(0), has_bias ? bias_parts.sum(0) : at::Tensor(),
            at::Tensor(),      at::Tensor()};
  }
};

at::Tensor norm_by_operations(const at::Tensor& x, const Norm& norm) {
  const at::IntArrayRef width = norm.affine.weight.sizes();
  return norm.affine.bias.defined()
             ? at::layer_norm(x, width, norm.affine.weight, norm.affine.bias, norm.epsilon)
             : at::rms_norm(x, width, norm.affine.weight, norm.epsilon);
}

}  // namespace

Normed add_and_norm_by_operations(const at::Tensor& residual, const at::Tensor& x, const Norm& norm,
                                  const Dropout& dropout, const Chosen* chosen, bool bf16,
                                  bool both) {
  Normed out;
  out.sum = residual.to(at::kFloat);
  if (x.defined()) {
    out.sum = out.sum + dropout.tokens(x, norm.dropout, norm.site, Chosen::places(chosen));
  }
  out.floats = norm_by_operations(out.sum, norm);
  if (bf16) out.halves = out.floats.to(at::kBFloat16);
  if (bf16 && !both) out.floats = at::Tensor();
  return out;
}

Normed add_and_norm(const at::Tensor& residual, const at::Tensor& x, const Norm& norm,
                    const Dropout& dropout, const Chosen* chosen, bool bf16, bool both) {
  const bool rows = residual.is_cpu() && residual.size(1) % 16 == 0 && residual.size(0) > 0;
  if (!rows) return add_and_norm_by_operations(residual, x, norm, dropout, chosen, bf16, both);
  const at::Tensor none = at::empty({0}, residual.options().requires_grad(false));
  NormCall call;
  call.has_x = x.defined();
  call.root_mean_square = !norm.affine.bias.defined();
  call.epsilon = norm.epsilon;
  call.dropout = norm.dropout;
  call.floats = !bf16 || both;
  call.halves = bf16;
  const bool drops = call.has_x && dropout.active(norm.dropout);
  const at::Tensor keys = drops ? dropout.row_keys(norm.site, Chosen::places(chosen)) : none;
  const auto out = NormFunction::apply(residual.contiguous(), call.has_x ? x.contiguous() : none,
                                       norm.affine.weight,
                                       call.root_mean_square ? none : norm.affine.bias, keys, call);
  Normed normed;
  normed.sum = call.has_x ? out[0] : residual;
  if (call.floats) normed.floats = out[1];
  if (call.halves) normed.halves = out[2];
  return normed;
}

}  // namespace tutti
