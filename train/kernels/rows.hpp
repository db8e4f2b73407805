#pragma once

#include "tutti/train/kernels/bf16.hpp"

#include <cstdint>

namespace tutti::kernels {

/// Dropout of rows: element i of row r is a function of keys[r] and i alone.
struct RowDrop {
  const std::int64_t* keys = nullptr;  ///< [rows]; null: nothing is dropped
  double probability = 0;
};

/// out = in, dropped and scaled; [rows][width] fp32.
void drop_rows(const RowDrop& drop, std::int64_t rows, std::int64_t width, const float* in,
               float* out);

/// sum = residual + drop(x); out = norm(sum) * gain + bias: LayerNorm (Ba et al. 2016), or RMSNorm
/// (Zhang & Sennrich 2019) where `root_mean_square` and there is no bias. All are [rows][width],
/// width a multiple of 16.
struct NormShape {
  std::int64_t rows = 0, width = 0;
  double epsilon = 0;
  bool root_mean_square = false;
  RowDrop drop;
};

/// x is fp32 or bf16, and null where there is none. What is not wanted is null.
struct NormForward {
  const float* residual = nullptr;
  const float* x_floats = nullptr;
  const Bf16* x_halves = nullptr;
  const float* gain = nullptr;
  const float* bias = nullptr;
  float* sum = nullptr;
  float* out_floats = nullptr;
  Bf16* out_halves = nullptr;
};
void norm_forward(const NormShape& shape, const NormForward& at);

/// Of a gradient, what is absent is null. `gain_gradient` and `bias_gradient` are [chunks][width]
/// of partial sums, one for each kNormChunk rows, so that their total does not depend on threads.
struct NormBackward {
  const float* sum = nullptr;
  const float* gain = nullptr;
  const float* out_floats = nullptr;  ///< gradients of the outputs
  const Bf16* out_halves = nullptr;
  const float* out_sum = nullptr;
  float* residual = nullptr;  ///< gradients of the inputs
  float* x_floats = nullptr;
  Bf16* x_halves = nullptr;
  float* gain_gradient = nullptr;
  float* bias_gradient = nullptr;
};
inline constexpr std::int64_t kNormChunk = 64;
/// Rows first .. first + kNormChunk - 1, or to the end: chunk first / kNormChunk.
void norm_backward(const NormShape& shape, const NormBackward& at, std::int64_t chunk);

}  // namespace tutti::kernels
