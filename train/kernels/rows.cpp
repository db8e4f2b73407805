#include "tutti/train/kernels/rows.hpp"

#include "tutti/train/kernels/drop_key.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace tutti::kernels {

namespace {

DropKey drop_key(const RowDrop& drop, std::int64_t row) {
  return make_drop_key(static_cast<std::uint64_t>(drop.keys[row]), drop.probability);
}

/// The inner loops, compiled for one width of vector registers.
struct RowKernels {
  void (*drop)(const float* in, float* out, std::int64_t width, const DropKey& key);
  void (*forward)(const NormShape& shape, const NormForward& at, std::int64_t row);
  void (*backward)(const NormShape& shape, const NormBackward& at, std::int64_t row, float* gain,
                   float* bias);
};

#define TUTTI_KERNELS "tutti/train/kernels/row_loops.inc"
#include "tutti/train/kernels/for_each_target.inc"

const RowKernels& kernels_here() {
  static const RowKernels& chosen = TUTTI_BEST_TARGET(kRowKernels);
  return chosen;
}

}  // namespace

void drop_rows(const RowDrop& drop, std::int64_t rows, std::int64_t width, const float* in,
               float* out) {
  for (std::int64_t row = 0; row < rows; ++row) {
    kernels_here().drop(in + row * width, out + row * width, width, drop_key(drop, row));
  }
}

void norm_forward(const NormShape& shape, const NormForward& at) {
  for (std::int64_t row = 0; row < shape.rows; ++row) kernels_here().forward(shape, at, row);
}

void norm_backward(const NormShape& shape, const NormBackward& at, std::int64_t chunk) {
  float* const gain = at.gain_gradient + chunk * shape.width;
  float* const bias =
      at.bias_gradient == nullptr ? nullptr : at.bias_gradient + chunk * shape.width;
  std::fill_n(gain, shape.width, 0.0F);
  if (bias != nullptr) std::fill_n(bias, shape.width, 0.0F);
  const std::int64_t end = std::min(shape.rows, (chunk + 1) * kNormChunk);
  for (std::int64_t row = chunk * kNormChunk; row < end; ++row) {
    kernels_here().backward(shape, at, row, gain, bias);
  }
}

}  // namespace tutti::kernels
