#pragma once

#include "tutti/ensemble/fusion/simplex.hpp"
#include "tutti/ensemble/fusion_rule.hpp"

#include <cstddef>
#include <span>
#include <vector>

// Inside ensemble/fusion only.
namespace tutti {

/// The loss of weights on the simplex: mean over rows of
///   -log q, q = sum_m w_m q_m, q_m the probability (cut to [1e-12, 1 - 1e-12]) that member m gives
///   to the label: the likelihood of a mixture with known components; or
///   (sum_m w_m s_m - y)^2.
/// Both are convex in w.
class MixtureLoss {
 public:
  enum class Kind { NegativeLog, Squared };
  /// `target` [row]: 0 or 1 for NegativeLog.
  MixtureLoss(Kind kind, const Scores& scores, const std::vector<double>& target);
  /// Over all rows, or over `rows`.
  [[nodiscard]] Quadratic at(std::span<const double> w) const;
  [[nodiscard]] Quadratic at(std::span<const double> w, std::span<const std::size_t> rows) const;

 private:
  template <class RowAt>
  [[nodiscard]] Quadratic sum(std::span<const double> w, std::size_t rows,
                              const RowAt& row_at) const;

  Kind kind_;
  std::size_t members_;
  std::vector<double> column_;  // [row][member]
  std::vector<double> target_;
};

}  // namespace tutti
