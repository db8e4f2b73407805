#include "tutti/train/dropout.hpp"

#include "tutti/data/error.hpp"
#include "tutti/data/random.hpp"
#include "tutti/train/kernels/drop_key.hpp"
#include "tutti/train/kernels/rows.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace tutti {

namespace {

using namespace kernels;

constexpr std::int64_t kWord = 0xffffffffLL;

// The same hash in tensor operations, for a device that our loop cannot reach. int64 holds the
// 32-bit words; a product of two of them wraps in its upper half only, which the mask cuts off.
at::Tensor drop_by_operations(const at::Tensor& x, const at::Tensor& keys, std::uint32_t threshold,
                              float scale) {
  const at::Tensor device_keys = keys.to(x.device()).unsqueeze(1);
  const at::Tensor low = device_keys.bitwise_and(kWord);
  const at::Tensor high = device_keys.__rshift__(32).bitwise_and(kWord);
  at::Tensor h = at::arange(x.size(-1), device_keys.options()) * std::int64_t{kDropCounter};
  h = (h + low).bitwise_and(kWord);
  h = h.bitwise_xor(h.__rshift__(16));
  h = (h * std::int64_t{kDropFirst}).bitwise_and(kWord);
  h = h.bitwise_xor(h.__rshift__(15)).bitwise_xor(high);
  h = (h * std::int64_t{kDropSecond}).bitwise_and(kWord);
  h = h.bitwise_xor(h.__rshift__(16));
  const at::Tensor factor = h.ge(std::int64_t{threshold}).to(at::kFloat) * scale;
  return x * factor.view(x.sizes());
}

struct DropFunction : torch::autograd::Function<DropFunction> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& keys, double p) {
    context->save_for_backward({keys});
    context->saved_data["p"] = p;
    return drop_rows(x, keys, p, !x.is_cpu());
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const at::Tensor keys = context->get_saved_variables()[0];
    const double p = context->saved_data["p"].toDouble();
    return {drop_rows(gradients[0], keys, p, !gradients[0].is_cpu()), at::Tensor(), at::Tensor()};
  }
};

template <class Key>
at::Tensor make_keys(std::int64_t rows, Key key) {
  at::Tensor keys = at::empty({rows}, at::TensorOptions().dtype(at::kLong));
  auto* out = keys.mutable_data_ptr<std::int64_t>();
  key(out);
  return keys;
}

}  // namespace

at::Tensor drop_rows(const at::Tensor& x, const at::Tensor& keys, double p, bool by_operations) {
  if (by_operations) {
    const DropKey any = make_drop_key(0, p);
    return drop_by_operations(x, keys, any.threshold, any.scale);
  }
  const at::Tensor in = x.contiguous();
  at::Tensor out = at::empty_like(in);
  const std::int64_t features = in.size(-1);
  const auto* source = in.const_data_ptr<float>();
  auto* target = out.mutable_data_ptr<float>();
  const auto* row_keys = keys.const_data_ptr<std::int64_t>();
  const std::int64_t grain = std::max<std::int64_t>(1, 32768 / std::max<std::int64_t>(1, features));
  at::parallel_for(0, keys.numel(), grain, [&](std::int64_t begin, std::int64_t end) {
    kernels::drop_rows({row_keys + begin, p}, end - begin, features, source + begin * features,
                       target + begin * features);
  });
  return out;
}

Dropout::Dropout(const Batch& batch, const Pass& pass)
    : training_(pass.training), offsets_(batch.offsets) {
  if (!training_) return;
  example_keys_.reserve(batch.rows.size());
  for (const Row row : batch.rows) {
    example_keys_.push_back(mix64(pass.dropout_key ^ mix64(static_cast<std::uint64_t>(row) + 1)));
  }
}

std::uint64_t Dropout::key(std::int64_t example, int site, std::uint64_t position) const {
  return kernels::drop_row_key(example_keys_[static_cast<std::size_t>(example)], site, position);
}

at::Tensor Dropout::row_keys(int site, const std::vector<std::int64_t>* chosen) const {
  const std::int64_t rows = chosen == nullptr ? offsets_.back() : std::ssize(*chosen);
  return make_keys(rows, [&](std::int64_t* out) {
    for (std::size_t e = 0; e < example_keys_.size(); ++e) {
      const std::int64_t begin = chosen == nullptr ? 0 : (*chosen)[e];
      const std::int64_t end = chosen == nullptr ? offsets_[e + 1] - offsets_[e] : begin + 1;
      for (std::int64_t t = begin; t < end; ++t) {
        *out++ = static_cast<std::int64_t>(
            key(static_cast<std::int64_t>(e), site, static_cast<std::uint64_t>(t)));
      }
    }
  });
}

at::Tensor Dropout::tokens(const at::Tensor& x, double p, int site,
                           const std::vector<std::int64_t>* chosen) const {
  if (!active(p)) return x;
  const at::Tensor keys = row_keys(site, chosen);
  TUTTI_ASSERT(x.size(0) == keys.numel(), "dropout over tokens");
  return DropFunction::apply(x.to(at::kFloat), keys, p);
}

at::Tensor Dropout::attention(const at::Tensor& x, std::int64_t first, double p, int site,
                              const std::vector<std::int64_t>* chosen) const {
  if (!active(p)) return x;
  const at::Tensor keys = make_keys(x.size(0) * x.size(1) * x.size(2), [&](std::int64_t* out) {
    for (std::int64_t e = first; e < first + x.size(0); ++e) {
      for (std::int64_t head = 0; head < x.size(1); ++head) {
        const std::int64_t begin = chosen == nullptr ? 0 : (*chosen)[static_cast<std::size_t>(e)];
        for (std::int64_t query = begin; query < begin + x.size(2); ++query) {
          *out++ = static_cast<std::int64_t>(key(e, site, kernels::drop_position(head, query)));
        }
      }
    }
  });
  return DropFunction::apply(x.to(at::kFloat), keys, p);
}

}  // namespace tutti
