#pragma once

#include "tutti/train/dropout.hpp"
#include "tutti/train/layers.hpp"

#include <ATen/ATen.h>

#include <cstdint>

namespace tutti {

/// How attention is done in one layer.
struct Attention {
  std::int64_t heads = 1;
  std::int64_t kv_heads = 1;  ///< each group of heads / kv_heads query heads shares a key head
  bool causal = false;
  double scale = 1.0;
  double dropout = 0.0;  ///< of the probabilities
  int site = 0;          ///< of that dropout
  /// Rotary positions (Su et al. 2021): [positions, head size / 2] fp32 each, or undefined.
  at::Tensor cosines, sines;
};

/// softmax(scale q k^T) v within each example of `layout`. `packed` [tokens, (heads + 2 kv_heads)
/// head size]: queries, keys and values side by side, fp32 or bf16. Gives [tokens, heads * head
/// size] of the same type; scores and probabilities are fp32.
at::Tensor attend(const at::Tensor& packed, const Layout& layout, const Dropout& dropout,
                  const Attention& how);

/// The same for one query an example, that of `chosen`: `queries` [examples, heads * head size],
/// `packed` [tokens, 2 kv_heads * head size] the keys and values. Gives [examples, heads * head
/// size].
at::Tensor attend_chosen(const at::Tensor& queries, const at::Tensor& packed, const Layout& layout,
                         const Dropout& dropout, const Attention& how, const Chosen& chosen);

/// The same by LibTorch's operations, as on every device but a CPU and for head sizes without
/// kernels. `chosen` null: every token asks.
at::Tensor attend_by_operations(const at::Tensor& queries, const at::Tensor& keys,
                                const at::Tensor& values, const Layout& layout,
                                const Dropout& dropout, const Attention& how, const Chosen* chosen);

}  // namespace tutti
