#pragma once

#include "tutti/train/dropout.hpp"
#include "tutti/train/layers.hpp"

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace tutti {

/// Which norm, and what happens to its input first.
struct Norm {
  const Affine& affine;  ///< without a bias: RMSNorm (Zhang & Sennrich 2019), else LayerNorm
  double epsilon = 0;
  double dropout = 0;  ///< of what is added to the residual
  int site = 0;        ///< of that dropout
};

/// What a sum and its norm are wanted as.
struct Normed {
  at::Tensor sum;     ///< residual + dropped x, fp32
  at::Tensor floats;  ///< the norm, fp32; undefined where only bf16 is wanted
  at::Tensor halves;  ///< the norm rounded to bf16, for a matrix product; undefined in fp32

  /// What a matrix product takes.
  [[nodiscard]] const at::Tensor& factor() const noexcept {
    return halves.defined() ? halves : floats;
  }
};

/// norm(residual + dropout(x)) in one pass over memory, and the backward pass in another.
/// residual [rows, features] fp32; x the same shape, fp32 or bf16, or undefined: the norm of the
/// residual. Rows are tokens, or the tokens of `chosen`. With `bf16` the norm comes in bf16, and in
/// fp32 too where `both`; without, in fp32 alone.
Normed add_and_norm(const at::Tensor& residual, const at::Tensor& x, const Norm& norm,
                    const Dropout& dropout, const Chosen* chosen, bool bf16, bool both);

/// The same by LibTorch's operations, as on every device but a CPU and for widths that are no
/// multiple of 16.
Normed add_and_norm_by_operations(const at::Tensor& residual, const at::Tensor& x, const Norm& norm,
                                  const Dropout& dropout, const Chosen* chosen, bool bf16,
                                  bool both);

}  // namespace tutti
