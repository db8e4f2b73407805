#pragma once

#include "tutti/train/kernels/bf16.hpp"

#include <cstdint>
#include <vector>

namespace tutti::kernels {

/// What all examples of an attention call share.
struct AttentionShape {
  std::int64_t heads = 1;
  std::int64_t kv_heads = 1;   ///< heads / kv_heads query heads share a key head
  std::int64_t head_size = 0;  ///< 16, 32, 64 or 128
  bool causal = false;
  float scale = 1;
  double dropout = 0;  ///< of the probabilities
  int site = 0;        ///< of that dropout: see Dropout
  /// Rotary positions: cosine and sine of [position][head_size / 2], or null for none.
  const float* cosines = nullptr;
  const float* sines = nullptr;
};

/// Are there kernels for heads of this size?
[[nodiscard]] bool attention_takes(std::int64_t head_size) noexcept;

/// One example: rows of queries, keys and values in which a head's elements lie together. Gradients
/// have the same rows and strides as what they are of.
template <class T>
struct AttentionExample {
  const T* queries = nullptr;  ///< [query_count] rows of heads * head_size
  const T* keys = nullptr;     ///< [key_count] rows of kv_heads * head_size
  const T* values = nullptr;
  std::int64_t query_stride = 0, key_stride = 0, value_stride = 0;  ///< elements from row to row
  std::int64_t query_count = 0, key_count = 0;
  std::int64_t place = 0;  ///< position of the first query: later ones follow it
  std::uint64_t key = 0;   ///< of the example's dropout masks
};

/// Where the gradients of an example go: rows and strides as of what they are of.
template <class T>
struct AttentionGradients {
  T* queries = nullptr;
  T* keys = nullptr;
  T* values = nullptr;
};

/// Room for one head of one example at a time; reused from call to call.
class AttentionScratch {
 public:
  /// So much can be taken from here on.
  void start(std::int64_t floats);
  float* take(std::int64_t floats);

 private:
  std::vector<float> values_;
  std::size_t used_ = 0;
};

/// softmax(scale q k^T) v of one key head and the query heads that share it. `out`: [query_count]
/// rows of heads * head_size, dense; `log_sums` [query_count][heads]: the logarithm of each
/// softmax's denominator, which the backward pass starts from.
void attention_forward(const AttentionShape& shape, const AttentionExample<float>& example,
                       std::int64_t kv_head, float* out, float* log_sums,
                       AttentionScratch& scratch);
void attention_forward(const AttentionShape& shape, const AttentionExample<Bf16>& example,
                       std::int64_t kv_head, Bf16* out, float* log_sums, AttentionScratch& scratch);

/// Gradients of the same: of the key head's rows, and of its query heads'. `log_sums` is only read.
void attention_backward(const AttentionShape& shape, const AttentionExample<float>& example,
                        std::int64_t kv_head, const float* out_gradient, float* log_sums,
                        const AttentionGradients<float>& to, AttentionScratch& scratch);
void attention_backward(const AttentionShape& shape, const AttentionExample<Bf16>& example,
                        std::int64_t kv_head, const Bf16* out_gradient, float* log_sums,
                        const AttentionGradients<Bf16>& to, AttentionScratch& scratch);

}  // namespace tutti::kernels
