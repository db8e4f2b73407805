#pragma once

#include "tutti/data/batch.hpp"
#include "tutti/train/model.hpp"

#include <cstdint>
#include <vector>

namespace at {
class Tensor;
}

namespace tutti {

/// Dropout whose mask is a pure function of (Pass.dropout_key, the example's row, site, position,
/// feature): the same element is dropped at any number of ranks, in any micro-batch, on any device.
///
/// A site is one use of dropout in a model; its number is the caller's, and no two uses share one.
/// Values that stay are scaled by 1 / (1 - p) (Srivastava et al. 2014, "inverted"). The mask is not
/// kept for the backward pass but made again. Every call is the identity when Pass.training is off
/// or p is 0.
class Dropout {
 public:
  Dropout(const Batch& batch, const Pass& pass);

  /// Does a dropout of probability p do anything in this pass?
  [[nodiscard]] bool active(double p) const noexcept { return training_ && p > 0; }
  /// Keys of the examples' masks; empty when training is off.
  [[nodiscard]] const std::vector<std::uint64_t>& example_keys() const noexcept {
    return example_keys_;
  }
  /// One key a token, or one an example of the token at its `chosen` position: int64.
  [[nodiscard]] at::Tensor row_keys(int site, const std::vector<std::int64_t>* chosen) const;
  /// x [tokens, features]; or, with `chosen`, [examples, features] of the token at that position of
  /// each example: the same values as in x of all tokens.
  [[nodiscard]] at::Tensor tokens(const at::Tensor& x, double p, int site,
                                  const std::vector<std::int64_t>* chosen = nullptr) const;
  /// x [n, heads, queries, length], attention probabilities of n examples of equal length from
  /// `first` on; queries is length, or 1 with `chosen` as above.
  [[nodiscard]] at::Tensor attention(const at::Tensor& x, std::int64_t first, double p, int site,
                                     const std::vector<std::int64_t>* chosen = nullptr) const;

 private:
  [[nodiscard]] std::uint64_t key(std::int64_t example, int site, std::uint64_t position) const;

  bool training_;
  std::vector<std::uint64_t> example_keys_;
  std::vector<std::int32_t> offsets_;
};

/// The mask itself: x [.., features] fp32 with one 64-bit key a row of features, each element 0 or
/// scaled by 1 / (1 - p). `by_operations` takes LibTorch's operations, as on every device but a
/// CPU, instead of our own loop: the same result.
at::Tensor drop_rows(const at::Tensor& x, const at::Tensor& keys, double p, bool by_operations);

}  // namespace tutti
