#include "tutti/train/layers.hpp"

#include "tutti/data/error.hpp"
#include "tutti/data/random.hpp"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string_view>

namespace tutti {

namespace {

constexpr double kDeviation = 0.02;

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

bool is_norm(std::string_view name) {
  return name.find("norm") != std::string_view::npos ||
         name.find("Norm") != std::string_view::npos || name.find("ln_") != std::string_view::npos;
}

at::Tensor cast(const at::Tensor& x, at::ScalarType type) { return x.defined() ? x.to(type) : x; }

at::Tensor gelu_exact(const at::Tensor& x) { return at::gelu(x); }
at::Tensor gelu_tanh(const at::Tensor& x) { return at::gelu(x, "tanh"); }
at::Tensor silu(const at::Tensor& x) { return at::silu(x); }
at::Tensor relu(const at::Tensor& x) { return at::relu(x); }

}  // namespace

void draw_initial(const std::string& name, at::Tensor& value, std::uint64_t seed) {
  const at::NoGradGuard no_grad;
  if (ends_with(name, "bias")) {
    value.zero_();
    return;
  }
  if (is_norm(name)) {
    value.fill_(1.0);
    return;
  }
  const std::uint64_t key = Random(seed, "init " + name).key();
  at::Tensor drawn = at::empty(value.sizes(), at::TensorOptions().dtype(at::kFloat));
  auto* out = drawn.mutable_data_ptr<float>();
  // Element i comes from words 2i and 2i+1 of the stream, so that threads can share the work.
  at::parallel_for(0, drawn.numel(), 1 << 15, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::uint64_t counter = key + 2 * static_cast<std::uint64_t>(i);
      const double u = static_cast<double>((mix64(mix64(counter)) >> 11) + 1) * 0x1.0p-53;
      const double angle = static_cast<double>(mix64(mix64(counter + 1)) >> 11) * 0x1.0p-53;
      out[i] = static_cast<float>(kDeviation * std::sqrt(-2.0 * std::log(u)) *
                                  std::cos(2.0 * std::numbers::pi * angle));
    }
  });
  value.copy_(drawn);
}

at::Tensor Parameters::make(const std::string& name, at::IntArrayRef shape) {
  at::Tensor value = at::empty(shape, at::TensorOptions().dtype(at::kFloat));
  if (seed_) draw_initial(name, value, *seed_);
  value.requires_grad_(true);
  all_.emplace_back(name, value);
  return value;
}

at::Tensor index_tensor(const std::vector<std::int64_t>& values, const at::Device& device) {
  at::Tensor out = at::empty({static_cast<std::int64_t>(values.size())}, at::kLong);
  std::copy(values.begin(), values.end(), out.mutable_data_ptr<std::int64_t>());
  return device.is_cpu() ? out : out.to(device);
}

Layout::Layout(const Batch& batch, const at::Device& device, std::int64_t vocab_size,
               std::int64_t max_positions, std::int64_t type_count) {
  std::vector<std::int64_t> places(static_cast<std::size_t>(batch.tokens()));
  for (std::int64_t e = 0; e < batch.examples(); ++e) {
    const auto begin = static_cast<std::size_t>(batch.offsets[static_cast<std::size_t>(e)]);
    const auto end = static_cast<std::size_t>(batch.offsets[static_cast<std::size_t>(e) + 1]);
    const auto length = static_cast<std::int64_t>(end - begin);
    if (length < 1 || length > max_positions) {
      throw Error(Code::Data,
                  "row " + std::to_string(batch.rows[static_cast<std::size_t>(e)]) + " has " +
                      std::to_string(length) + " tokens, the model takes 1 to " +
                      std::to_string(max_positions),
                  "lower max_length");
    }
    for (std::size_t t = begin; t < end; ++t) places[t] = static_cast<std::int64_t>(t - begin);
    if (runs.empty() || runs.back().length != length) runs.push_back({e, 0, length});
    ++runs.back().count;
  }
  begins.assign(batch.offsets.begin(), batch.offsets.end());
  for (const Run& run : runs) run_tokens.push_back(run.count * run.length);

  const std::vector<std::int64_t> wide_ids(batch.ids.begin(), batch.ids.end());
  for (const std::int64_t id : wide_ids) {
    if (id < 0 || id >= vocab_size) {
      throw Error(Code::Data,
                  "token id " + std::to_string(id) + ", the model's vocabulary has " +
                      std::to_string(vocab_size),
                  "does the tokenizer belong to this model?");
    }
  }
  std::vector<std::int64_t> wide_types(batch.types.begin(), batch.types.end());
  wide_types.resize(batch.ids.size(), 0);  // a batch may leave the types out
  for (const std::int64_t type : wide_types) {
    if (type < 0 || type >= type_count) {
      throw Error(Code::Data, "token type " + std::to_string(type) + ", the model has " +
                                  std::to_string(type_count));
    }
  }
  ids = index_tensor(wide_ids, device);
  types = index_tensor(wide_types, device);
  positions = index_tensor(places, device);
}

std::int64_t Layout::longest() const {
  std::int64_t most = 0;
  for (const Run& run : runs) most = std::max(most, run.length);
  return most;
}

at::Tensor linear(const at::Tensor& x, const Affine& layer, bool bf16) {
  const at::ScalarType type = bf16 ? at::kBFloat16 : at::kFloat;
  return at::linear(x.to(type), layer.weight.to(type), cast(layer.bias, type));
}

Affine together(const std::vector<Affine>& layers) {
  std::vector<at::Tensor> weights;
  std::vector<at::Tensor> biases;
  for (const Affine& layer : layers) {
    weights.push_back(layer.weight);
    if (layer.bias.defined()) biases.push_back(layer.bias);
  }
  return {at::cat(weights), biases.empty() ? at::Tensor() : at::cat(biases)};
}

at::Tensor linear_transposed(const at::Tensor& x, const Affine& layer, bool bf16) {
  const at::ScalarType type = bf16 ? at::kBFloat16 : at::kFloat;
  return at::addmm(layer.bias.to(type), x.to(type), layer.weight.to(type));
}

at::Tensor layer_norm(const at::Tensor& x, const Affine& layer, double epsilon) {
  return at::layer_norm(x.to(at::kFloat), {layer.weight.size(0)}, layer.weight, layer.bias,
                        epsilon);
}

Activation activation_by_name(const std::string& name) {
  if (name == "gelu") return gelu_exact;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh" || name == "gelu_fast") return gelu_tanh;
  if (name == "silu" || name == "swish") return silu;
  if (name == "relu") return relu;
  throw Error(Code::Data, "config.json: unknown activation '" + name + "'",
              "known: gelu, gelu_new, silu, relu");
}

Chosen first_tokens(const Batch& batch, const at::Device& device) {
  const std::vector<std::int64_t> rows(batch.offsets.begin(), batch.offsets.end() - 1);
  return {index_tensor(rows, device), std::vector<std::int64_t>(rows.size(), 0)};
}

Chosen last_tokens(const Batch& batch, std::int64_t pad_id, const at::Device& device) {
  std::vector<std::int64_t> rows;
  std::vector<std::int64_t> positions;
  for (std::size_t e = 0; e < batch.rows.size(); ++e) {
    const std::int64_t begin = batch.offsets[e];
    std::int64_t row = batch.offsets[e + 1] - 1;
    while (row > begin && batch.ids[static_cast<std::size_t>(row)] == pad_id) --row;
    rows.push_back(row);
    positions.push_back(row - begin);
  }
  return {index_tensor(rows, device), positions};
}

}  // namespace tutti
