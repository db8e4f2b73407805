#include "tutti/train/kernels/attention.hpp"

#include "tutti/data/error.hpp"
#include "tutti/train/kernels/drop_key.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

// One head of one example at a time: its keys, values and a few rows of scores stay in the first
// two caches, so that no matrix of probabilities is ever written to memory. The backward pass makes
// the probabilities again from the logarithm of their sum (as FlashAttention, Dao et al. 2022).

namespace tutti::kernels {

namespace {

constexpr int kRows =
    4;  ///< queries at a time: with three registers of keys, twelve sums in flight

constexpr std::int64_t rounded_up(std::int64_t n) { return (n + kLanes - 1) / kLanes * kLanes; }

// [count][size] to [size][stride], zero beyond count
void transpose(const float* from, std::int64_t count, std::int64_t size, float* to,
               std::int64_t stride) {
  for (std::int64_t k = 0; k < size; ++k) {
    float* row = to + k * stride;
    for (std::int64_t j = 0; j < count; ++j) row[j] = from[j * size + k];
    for (std::int64_t j = count; j < stride; ++j) row[j] = 0;
  }
}

/// Where one head keeps its matrices. Those of the backward pass alone are null in the forward one.
struct Matrices {
  float* queries = nullptr;         ///< [queries][size], times the scale
  float* keys = nullptr;            ///< [keys][size]
  float* values = nullptr;          ///< [keys][size]
  float* keys_turned = nullptr;     ///< [size][stride]
  float* scores = nullptr;          ///< [2 kRows][stride]
  float* out = nullptr;             ///< [queries][size]; backward: its gradient
  float* values_turned = nullptr;   ///< [size][stride]
  float* changes = nullptr;         ///< [kRows][stride]: gradient of the scores
  float* query_gradient = nullptr;  ///< [queries][size]
  float* key_gradient = nullptr;    ///< [keys][size]
  float* value_gradient = nullptr;  ///< [keys][size]
};

/// One query head: what its kernels see of the example.
struct HeadPlace {
  const AttentionShape& shape;
  std::uint64_t example_key = 0;
  std::int64_t head = 0;
  std::int64_t place = 0;
  std::int64_t queries = 0, keys = 0;
  float* log_sums = nullptr;  ///< [queries], heads apart
};

// The mask of one row of probabilities.
inline DropKey row_key(const AttentionShape& shape, std::uint64_t example, std::int64_t head,
                       std::int64_t position) {
  return make_drop_key(drop_row_key(example, shape.site, drop_position(head, position)),
                       shape.dropout);
}

// How many keys a query at `position` sees.
inline std::int64_t seen(const AttentionShape& shape, std::int64_t position, std::int64_t keys) {
  return shape.causal ? std::min(keys, position + 1) : keys;
}

/// Rows of one head into dense floats and back.
template <class T>
struct Copies {
  void (*read)(const AttentionShape&, bool turns, const T* from, std::int64_t stride,
               std::int64_t count, std::int64_t place, float factor, float* to);
  void (*write)(const AttentionShape&, bool turns, float* from, std::int64_t stride,
                std::int64_t count, std::int64_t place, float factor, T* to);
};

/// The inner loops, compiled for one width of vector registers.
struct Kernels {
  using OnHead = void (*)(const HeadPlace&, const Matrices&);

  OnHead forward[4];  ///< of heads of 16, 32, 64 and 128
  OnHead backward[4];
  Copies<float> floats;
  Copies<Bf16> halves;

  template <class T>
  [[nodiscard]] const Copies<T>& copies() const {
    if constexpr (std::is_same_v<T, float>) {
      return floats;
    } else {
      return halves;
    }
  }
};

#define TUTTI_KERNELS "tutti/train/kernels/attention_heads.inc"
#include "tutti/train/kernels/for_each_target.inc"

std::size_t index_of_size(std::int64_t head_size) {
  TUTTI_ASSERT(attention_takes(head_size), "a head size with kernels");
  std::size_t index = 0;
  while (kLanes << index < head_size) ++index;
  return index;
}

const Kernels& kernels_here() {
  static const Kernels& chosen = TUTTI_BEST_TARGET(kKernels);
  return chosen;
}

// Keys and values of one key head, and the keys turned.
template <class T>
void read_keys(const AttentionShape& shape, const AttentionExample<T>& example,
               std::int64_t kv_head, const Matrices& m) {
  const std::int64_t begin = kv_head * shape.head_size;
  kernels_here().copies<T>().read(shape, shape.cosines != nullptr, example.keys + begin,
                                  example.key_stride, example.key_count, 0, 1.0F, m.keys);
  kernels_here().copies<T>().read(shape, false, example.values + begin, example.value_stride,
                                  example.key_count, 0, 1.0F, m.values);
  transpose(m.keys, example.key_count, shape.head_size, m.keys_turned,
            rounded_up(example.key_count));
}

template <class T>
void read_queries(const AttentionShape& shape, const AttentionExample<T>& example,
                  std::int64_t head, const Matrices& m) {
  kernels_here().copies<T>().read(shape, shape.cosines != nullptr,
                                  example.queries + head * shape.head_size, example.query_stride,
                                  example.query_count, example.place, shape.scale, m.queries);
}

template <class T>
void forward(const AttentionShape& shape, const AttentionExample<T>& example, std::int64_t kv_head,
             T* out, float* log_sums, AttentionScratch& scratch) {
  const std::int64_t size = shape.head_size;
  const std::int64_t keys = example.key_count;
  const std::int64_t stride = rounded_up(keys);
  scratch.start(2 * example.query_count * size + 2 * keys * size + size * stride +
                2 * kRows * stride);
  Matrices m;
  m.queries = scratch.take(example.query_count * size);
  m.out = scratch.take(example.query_count * size);
  m.keys = scratch.take(keys * size);
  m.values = scratch.take(keys * size);
  m.keys_turned = scratch.take(size * stride);
  m.scores = scratch.take(2 * kRows * stride);
  read_keys(shape, example, kv_head, m);
  const Kernels::OnHead kernel = kernels_here().forward[index_of_size(size)];
  const std::int64_t share = shape.heads / shape.kv_heads;
  for (std::int64_t head = kv_head * share; head < (kv_head + 1) * share; ++head) {
    read_queries(shape, example, head, m);
    kernel({shape, example.key, head, example.place, example.query_count, keys, log_sums + head},
           m);
    kernels_here().copies<T>().write(shape, false, m.out, shape.heads * size, example.query_count,
                                     0, 1.0F, out + head * size);
  }
}

template <class T>
void backward(const AttentionShape& shape, const AttentionExample<T>& example, std::int64_t kv_head,
              const T* out_gradient, float* log_sums, const AttentionGradients<T>& to,
              AttentionScratch& scratch) {
  const std::int64_t size = shape.head_size;
  const std::int64_t keys = example.key_count;
  const std::int64_t stride = rounded_up(keys);
  scratch.start(3 * example.query_count * size + 4 * keys * size + 2 * size * stride +
                3 * kRows * stride);
  Matrices m;
  m.queries = scratch.take(example.query_count * size);
  m.out = scratch.take(example.query_count * size);
  m.query_gradient = scratch.take(example.query_count * size);
  m.keys = scratch.take(keys * size);
  m.values = scratch.take(keys * size);
  m.key_gradient = scratch.take(keys * size);
  m.value_gradient = scratch.take(keys * size);
  m.keys_turned = scratch.take(size * stride);
  m.values_turned = scratch.take(size * stride);
  m.scores = scratch.take(2 * kRows * stride);
  m.changes = scratch.take(kRows * stride);
  read_keys(shape, example, kv_head, m);
  transpose(m.values, keys, size, m.values_turned, stride);
  std::fill_n(m.key_gradient, keys * size, 0.0F);
  std::fill_n(m.value_gradient, keys * size, 0.0F);
  const Kernels::OnHead kernel = kernels_here().backward[index_of_size(size)];
  const std::int64_t share = shape.heads / shape.kv_heads;
  const bool turns = shape.cosines != nullptr;
  for (std::int64_t head = kv_head * share; head < (kv_head + 1) * share; ++head) {
    read_queries(shape, example, head, m);
    kernels_here().copies<T>().read(shape, false, out_gradient + head * size, shape.heads * size,
                                    example.query_count, 0, 1.0F, m.out);
    kernel({shape, example.key, head, example.place, example.query_count, keys, log_sums + head},
           m);
    kernels_here().copies<T>().write(shape, turns, m.query_gradient, example.query_stride,
                                     example.query_count, example.place, shape.scale,
                                     to.queries + head * size);
  }
  kernels_here().copies<T>().write(shape, turns, m.key_gradient, example.key_stride, keys, 0, 1.0F,
                                   to.keys + kv_head * size);
  kernels_here().copies<T>().write(shape, false, m.value_gradient, example.value_stride, keys, 0,
                                   1.0F, to.values + kv_head * size);
}

}  // namespace

bool attention_takes(std::int64_t head_size) noexcept {
  return head_size == 16 || head_size == 32 || head_size == 64 || head_size == 128;
}

void AttentionScratch::start(std::int64_t floats) {
  used_ = 0;
  if (values_.size() < static_cast<std::size_t>(floats)) {
    values_.resize(static_cast<std::size_t>(floats));
  }
}

float* AttentionScratch::take(std::int64_t floats) {
  float* const out = values_.data() + used_;
  used_ += static_cast<std::size_t>(floats);
  TUTTI_ASSERT(used_ <= values_.size(), "attention scratch");
  return out;
}

void attention_forward(const AttentionShape& shape, const AttentionExample<float>& example,
                       std::int64_t kv_head, float* out, float* log_sums,
                       AttentionScratch& scratch) {
  forward(shape, example, kv_head, out, log_sums, scratch);
}

void attention_forward(const AttentionShape& shape, const AttentionExample<Bf16>& example,
                       std::int64_t kv_head, Bf16* out, float* log_sums,
                       AttentionScratch& scratch) {
  forward(shape, example, kv_head, out, log_sums, scratch);
}

void attention_backward(const AttentionShape& shape, const AttentionExample<float>& example,
                        std::int64_t kv_head, const float* out_gradient, float* log_sums,
                        const AttentionGradients<float>& to, AttentionScratch& scratch) {
  backward(shape, example, kv_head, out_gradient, log_sums, to, scratch);
}

void attention_backward(const AttentionShape& shape, const AttentionExample<Bf16>& example,
                        std::int64_t kv_head, const Bf16* out_gradient, float* log_sums,
                        const AttentionGradients<Bf16>& to, AttentionScratch& scratch) {
  backward(shape, example, kv_head, out_gradient, log_sums, to, scratch);
}

}  // namespace tutti::kernels
