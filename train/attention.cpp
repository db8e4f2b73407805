#include "tutti/train/attention.hpp"

#include "tutti/data/error.hpp"
#include "tutti/train/kernels/attention.hpp"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace tutti {

namespace {

/// What the two passes of one call need beside tensors that autograd keeps.
struct Call : torch::CustomClassHolder {
  kernels::AttentionShape shape;
  std::vector<std::int64_t> begins;  ///< [examples + 1] tokens
  std::vector<std::int64_t> places;  ///< [examples] position of the one query; empty: all ask
  std::vector<std::uint64_t> keys;   ///< [examples] of dropout
  at::Tensor cosines, sines;         ///< what shape's pointers point into

  [[nodiscard]] std::int64_t examples() const { return std::ssize(begins) - 1; }
  /// One query an example, in a tensor of its own?
  [[nodiscard]] bool alone() const { return !places.empty(); }
};

template <class T>
const T* data_of(const at::Tensor& x) {
  return static_cast<const T*>(x.const_data_ptr());
}
template <class T>
T* mutable_data_of(at::Tensor& x) {
  return static_cast<T*>(x.mutable_data_ptr());
}

/// Example `index` of the call. Queries lie in `queries` if they are alone, or before the keys in
/// `packed`.
template <class T>
kernels::AttentionExample<T> example_of(const Call& call, const at::Tensor& queries,
                                        const at::Tensor& packed, std::int64_t index) {
  const auto i = static_cast<std::size_t>(index);
  const std::int64_t size = call.shape.head_size;
  const bool alone = call.alone();
  kernels::AttentionExample<T> example;
  const T* row = data_of<T>(packed) + call.begins[i] * packed.stride(0);
  example.key_count = call.begins[i + 1] - call.begins[i];
  example.query_count = alone ? 1 : example.key_count;
  example.queries = alone ? data_of<T>(queries) + index * queries.stride(0) : row;
  example.query_stride = alone ? queries.stride(0) : packed.stride(0);
  example.keys = row + (alone ? 0 : call.shape.heads * size);
  example.values = example.keys + call.shape.kv_heads * size;
  example.key_stride = example.value_stride = packed.stride(0);
  example.place = alone ? call.places[i] : 0;
  example.key = call.keys.empty() ? 0 : call.keys[i];
  return example;
}

/// work(example, key head, scratch) for all of both. Examples come by length: short ones are paired
/// with long ones, so that equal shares of the range are equal work.
template <class Work>
void for_each_head(const Call& call, Work work) {
  const std::int64_t examples = call.examples();
  const std::int64_t heads = call.shape.kv_heads;
  at::parallel_for(0, examples * heads, 1, [&](std::int64_t begin, std::int64_t end) {
    kernels::AttentionScratch scratch;
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t turn = i / heads;
      work(turn % 2 == 0 ? turn / 2 : examples - 1 - turn / 2, i % heads, scratch);
    }
  });
}

// Rows of the output, and of log_sums, before example `index`.
std::int64_t first_query(const Call& call, bool alone, std::int64_t index) {
  return alone ? index : call.begins[static_cast<std::size_t>(index)];
}

template <class T>
void run_forward(const Call& call, const at::Tensor& queries, const at::Tensor& packed,
                 at::Tensor& out, at::Tensor& log_sums) {
  T* const to = mutable_data_of<T>(out);
  auto* const sums = log_sums.mutable_data_ptr<float>();
  for_each_head(call, [&](std::int64_t index, std::int64_t head, auto& scratch) {
    const std::int64_t row = first_query(call, call.alone(), index);
    kernels::attention_forward(call.shape, example_of<T>(call, queries, packed, index), head,
                               to + row * out.size(1), sums + row * call.shape.heads, scratch);
  });
}

template <class T>
void run_backward(const Call& call, const at::Tensor& queries, const at::Tensor& packed,
                  const at::Tensor& gradient, at::Tensor& log_sums, at::Tensor& query_gradient,
                  at::Tensor& packed_gradient) {
  const bool alone = call.alone();
  const std::int64_t size = call.shape.head_size;
  auto* const sums = log_sums.mutable_data_ptr<float>();
  T* const to_packed = mutable_data_of<T>(packed_gradient);
  T* const to_queries = alone ? mutable_data_of<T>(query_gradient) : to_packed;
  for_each_head(call, [&](std::int64_t index, std::int64_t head, auto& scratch) {
    const std::int64_t row = first_query(call, alone, index);
    T* const first = to_packed + call.begins[static_cast<std::size_t>(index)] * packed.size(1);
    kernels::AttentionGradients<T> to;
    to.queries = alone ? to_queries + index * queries.size(1) : first;
    to.keys = first + (alone ? 0 : call.shape.heads * size);
    to.values = to.keys + call.shape.kv_heads * size;
    kernels::attention_backward(call.shape, example_of<T>(call, queries, packed, index), head,
                                data_of<T>(gradient) + row * gradient.size(1),
                                sums + row * call.shape.heads, to, scratch);
  });
}

struct AttendFunction : torch::autograd::Function<AttendFunction> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& queries,
                            const at::Tensor& packed, const c10::intrusive_ptr<Call>& call) {
    const std::int64_t rows = call->alone() ? queries.size(0) : packed.size(0);
    at::Tensor out = at::empty({rows, call->shape.heads * call->shape.head_size}, packed.options());
    at::Tensor log_sums = at::empty({rows, call->shape.heads}, packed.options().dtype(at::kFloat));
    if (packed.scalar_type() == at::kBFloat16) {
      run_forward<kernels::Bf16>(*call, queries, packed, out, log_sums);
    } else {
      run_forward<float>(*call, queries, packed, out, log_sums);
    }
    context->save_for_backward({queries, packed, log_sums});
    context->saved_data["call"] = c10::IValue::make_capsule(call);
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto call =
        c10::static_intrusive_pointer_cast<Call>(context->saved_data["call"].toCapsule());
    const at::Tensor& queries = saved[0];
    const at::Tensor& packed = saved[1];
    at::Tensor log_sums = saved[2];
    const at::Tensor gradient = gradients[0].contiguous();
    at::Tensor query_gradient = call->alone() ? at::empty_like(queries) : at::Tensor();
    at::Tensor packed_gradient = at::empty_like(packed);
    if (packed.scalar_type() == at::kBFloat16) {
      run_backward<kernels::Bf16>(*call, queries, packed, gradient, log_sums, query_gradient,
                                  packed_gradient);
    } else {
      run_backward<float>(*call, queries, packed, gradient, log_sums, query_gradient,
                          packed_gradient);
    }
    return {query_gradient, packed_gradient, at::Tensor()};
  }
};

c10::intrusive_ptr<Call> make_call(std::int64_t head_size, const Layout& layout,
                                   const Dropout& dropout, const Attention& how,
                                   const Chosen* chosen) {
  auto call = c10::make_intrusive<Call>();
  kernels::AttentionShape& shape = call->shape;
  shape = {how.heads, how.kv_heads, head_size, how.causal, static_cast<float>(how.scale),
           0.0,       how.site,     nullptr,   nullptr};
  call->begins = layout.begins;
  if (dropout.active(how.dropout)) {
    shape.dropout = how.dropout;
    call->keys = dropout.example_keys();
  }
  if (chosen != nullptr) call->places = chosen->positions;
  if (how.cosines.defined()) {
    call->cosines = how.cosines;
    call->sines = how.sines;
    shape.cosines = call->cosines.const_data_ptr<float>();
    shape.sines = call->sines.const_data_ptr<float>();
  }
  return call;
}

bool has_kernels(const at::Tensor& packed, std::int64_t head_size) {
  return packed.is_cpu() && packed.stride(1) == 1 && kernels::attention_takes(head_size);
}

// [n * queries, heads * size] -> [n, heads, queries, size], a view.
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

// Each pair (i, i + size / 2) turns by the angle of its position. `positions` [rows]
at::Tensor rotate(const at::Tensor& x, const at::Tensor& positions, const Attention& how) {
  if (!how.cosines.defined()) return x;
  const at::Tensor cosine = how.cosines.index_select(0, positions).unsqueeze(1);
  const at::Tensor sine = how.sines.index_select(0, positions).unsqueeze(1);
  const auto halves = x.unflatten(1, {-1, 2 * how.cosines.size(1)}).chunk(2, 2);
  const at::Tensor turned =
      at::cat({halves[0] * cosine - halves[1] * sine, halves[1] * cosine + halves[0] * sine}, 2);
  return turned.flatten(1).to(x.scalar_type());
}

}  // namespace

at::Tensor attend_by_operations(const at::Tensor& queries, const at::Tensor& keys,
                                const at::Tensor& values, const Layout& layout,
                                const Dropout& dropout, const Attention& how,
                                const Chosen* chosen) {
  const at::Tensor places =
      chosen == nullptr ? layout.positions : index_tensor(chosen->positions, keys.device());
  // split, not slices: its gradient is one concatenation, that of a slice a whole tensor of zeros.
  std::vector<std::int64_t> counts = layout.run_tokens;
  for (std::size_t r = 0; r < counts.size() && chosen != nullptr; ++r) {
    counts[r] = layout.runs[r].count;
  }
  const auto qs = rotate(queries, places, how).split_with_sizes(counts);
  const auto ks = rotate(keys, layout.positions, how).split_with_sizes(layout.run_tokens);
  const auto vs = values.split_with_sizes(layout.run_tokens);
  std::vector<at::Tensor> out;
  out.reserve(qs.size());
  for (std::size_t r = 0; r < qs.size(); ++r) {
    const Layout::Run& run = layout.runs[r];
    const std::int64_t times = how.heads / how.kv_heads;
    const at::Tensor query = split_heads(qs[r], run, how.heads);
    const at::Tensor key = repeat_heads(split_heads(ks[r], run, how.kv_heads), times);
    const at::Tensor value = repeat_heads(split_heads(vs[r], run, how.kv_heads), times);
    // LibTorch's fused attention knows no dropout of ours.
    const at::Tensor mixed =
        chosen != nullptr || dropout.active(how.dropout)
            ? attend_in_steps(query, key, value, run, dropout, how, chosen)
            : at::scaled_dot_product_attention(query, key, value, {}, 0.0, how.causal, how.scale);
    out.push_back(mixed.transpose(1, 2).reshape({counts[r], queries.size(1)}));
  }
  return at::cat(out);
}

at::Tensor attend(const at::Tensor& packed, const Layout& layout, const Dropout& dropout,
                  const Attention& how) {
  const std::int64_t size = packed.size(1) / (how.heads + 2 * how.kv_heads);
  if (has_kernels(packed, size)) {
    return AttendFunction::apply(at::empty({0}, packed.options()), packed,
                                 make_call(size, layout, dropout, how, nullptr));
  }
  const auto parts =
      packed.split_with_sizes({how.heads * size, how.kv_heads * size, how.kv_heads * size}, 1);
  return attend_by_operations(parts[0], parts[1], parts[2], layout, dropout, how, nullptr);
}

at::Tensor attend_chosen(const at::Tensor& queries, const at::Tensor& packed, const Layout& layout,
                         const Dropout& dropout, const Attention& how, const Chosen& chosen) {
  const std::int64_t size = packed.size(1) / (2 * how.kv_heads);
  if (has_kernels(packed, size)) {
    return AttendFunction::apply(queries.contiguous(), packed,
                                 make_call(size, layout, dropout, how, &chosen));
  }
  const auto parts = packed.chunk(2, 1);
  return attend_by_operations(queries, parts[0], parts[1], layout, dropout, how, &chosen);
}

}  // namespace tutti
