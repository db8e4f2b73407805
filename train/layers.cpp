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

// [n * queries, heads * dim] -> [n, heads, queries, dim], a view.
at::Tensor split_heads(const at::Tensor& x, const Layout::Run& run, std::int64_t heads) {
  return x.view({run.count, x.size(0) / run.count, heads, x.size(1) / heads}).transpose(1, 2);
}

at::Tensor repeat_heads(const at::Tensor& x, std::int64_t times) {
  if (times == 1) return x;
  const auto s = x.sizes();
  return x.unsqueeze(2)
      .expand({s[0], s[1], times, s[2], s[3]})
      .reshape({s[0], s[1] * times, s[2], s[3]});
}

// Keys that a query must not see: [queries, length], or [n, 1, 1, length] for chosen queries.
at::Tensor future_keys(const Layout::Run& run, const Chosen* chosen, const at::Device& device) {
  const auto options = at::TensorOptions().device(device);
  if (chosen == nullptr) {
    return at::ones({run.length, run.length}, options.dtype(at::kBool)).triu(1);
  }
  const auto begin = chosen->positions.begin() + run.first;
  const at::Tensor last = index_tensor({begin, begin + run.count}, device);
  return at::arange(run.length, options.dtype(at::kLong)).gt(last.view({-1, 1, 1, 1}));
}

// Written out where the probabilities pass through our own dropout, or few queries are asked.
at::Tensor attend_in_steps(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           const Layout::Run& run, const Dropout& dropout, const Attention& how,
                           const Chosen* chosen) {
  at::Tensor scores = at::matmul(q * how.scale, k.transpose(2, 3)).to(at::kFloat);
  if (how.causal) {
    scores = scores.masked_fill(future_keys(run, chosen, scores.device()), -INFINITY);
  }
  const at::Tensor kept = dropout.attention(at::softmax(scores, -1), run.first, how.dropout,
                                            how.site, Chosen::places(chosen));
  return at::matmul(kept.to(v.scalar_type()), v);
}

// LibTorch's fused attention knows no dropout of ours, and its backward pass in bfloat16 takes
// about three times that of the steps on a CPU.
bool in_steps(const at::Tensor& q, const Dropout& dropout, const Attention& how,
              const Chosen* chosen) {
  const bool slow = q.is_cpu() && q.scalar_type() == at::kBFloat16;
  return chosen != nullptr || dropout.active(how.dropout) || slow;
}

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

at::Tensor linear(const at::Tensor& x, const Affine& layer, bool bf16) {
  const at::ScalarType type = bf16 ? at::kBFloat16 : at::kFloat;
  return at::linear(x.to(type), layer.weight.to(type), cast(layer.bias, type));
}

std::vector<at::Tensor> linear_together(const at::Tensor& x, const std::vector<Affine>& layers,
                                        bool bf16) {
  std::vector<at::Tensor> weights;
  std::vector<at::Tensor> biases;
  std::vector<std::int64_t> sizes;
  for (const Affine& layer : layers) {
    weights.push_back(layer.weight);
    if (layer.bias.defined()) biases.push_back(layer.bias);
    sizes.push_back(layer.weight.size(0));
  }
  const at::Tensor bias = biases.empty() ? at::Tensor() : at::cat(biases);
  return linear(x, {at::cat(weights), bias}, bf16).split_with_sizes(sizes, 1);
}

at::Tensor linear_transposed(const at::Tensor& x, const Affine& layer, bool bf16) {
  const at::ScalarType type = bf16 ? at::kBFloat16 : at::kFloat;
  return at::addmm(layer.bias.to(type), x.to(type), layer.weight.to(type));
}

at::Tensor layer_norm(const at::Tensor& x, const Affine& layer, double epsilon) {
  return at::layer_norm(x.to(at::kFloat), {layer.weight.size(0)}, layer.weight, layer.bias,
                        epsilon);
}

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double epsilon) {
  return at::rms_norm(x.to(at::kFloat), {weight.size(0)}, weight, epsilon);
}

at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                  const Layout& layout, const Dropout& dropout, const Attention& how,
                  const Chosen* chosen) {
  // split, not slices: its gradient is one concatenation, that of a slice a whole tensor of zeros.
  std::vector<std::int64_t> queries = layout.run_tokens;
  for (std::size_t r = 0; r < queries.size() && chosen != nullptr; ++r) {
    queries[r] = layout.runs[r].count;
  }
  const auto qs = q.split_with_sizes(queries);
  const auto ks = k.split_with_sizes(layout.run_tokens);
  const auto vs = v.split_with_sizes(layout.run_tokens);
  std::vector<at::Tensor> out;
  out.reserve(qs.size());
  for (std::size_t r = 0; r < qs.size(); ++r) {
    const Layout::Run& run = layout.runs[r];
    const std::int64_t times = how.heads / how.kv_heads;
    const at::Tensor query = split_heads(qs[r], run, how.heads);
    const at::Tensor key = repeat_heads(split_heads(ks[r], run, how.kv_heads), times);
    const at::Tensor value = repeat_heads(split_heads(vs[r], run, how.kv_heads), times);
    const at::Tensor mixed =
        in_steps(q, dropout, how, chosen)
            ? attend_in_steps(query, key, value, run, dropout, how, chosen)
            : at::scaled_dot_product_attention(query, key, value, {}, 0.0, how.causal, how.scale);
    out.push_back(mixed.transpose(1, 2).reshape({queries[r], q.size(1)}));
  }
  return at::cat(out);
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
