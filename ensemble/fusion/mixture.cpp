#include "tutti/ensemble/fusion/mixture.hpp"

#include <algorithm>
#include <cmath>

namespace tutti {

MixtureLoss::MixtureLoss(Kind kind, const Scores& scores, const std::vector<double>& target)
    : kind_(kind), members_(static_cast<std::size_t>(scores.members)), target_(target) {
  column_.resize(members_ * target.size());
  for (std::size_t m = 0; m < members_; ++m) {
    const auto score = scores.member(static_cast<int>(m));
    for (std::size_t i = 0; i < target.size(); ++i) {
      constexpr double kEdge = 1e-12;
      const double p = std::clamp(score[i], kEdge, 1 - kEdge);
      column_[i * members_ + m] = kind == Kind::Squared ? score[i] : (target[i] > 0 ? p : 1 - p);
    }
  }
}

template <class RowAt>
Quadratic MixtureLoss::sum(std::span<const double> w, std::size_t rows, const RowAt& row_at) const {
  const std::size_t n = members_;
  Quadratic out{0.0, std::vector<double>(n, 0.0), std::vector<double>(n * n, 0.0)};
  const double scale = rows > 0 ? 1.0 / static_cast<double>(rows) : 0.0;
  for (std::size_t r = 0; r < rows; ++r) {
    const std::size_t i = row_at(r);
    const double* x = &column_[i * n];
    double z = 0;
    for (std::size_t m = 0; m < n; ++m) z += w[m] * x[m];
    double value = -std::log(z);
    double first = -1 / z;
    double second = first * first;
    if (kind_ == Kind::Squared) {
      const double error = z - target_[i];
      value = error * error;
      first = 2 * error;
      second = 2;
    }
    out.value += scale * value;
    for (std::size_t m = 0; m < n; ++m) {
      out.gradient[m] += scale * first * x[m];
      for (std::size_t k = 0; k <= m; ++k) out.hessian[m * n + k] += scale * second * x[m] * x[k];
    }
  }
  for (std::size_t m = 0; m < n; ++m) {
    for (std::size_t k = 0; k < m; ++k) out.hessian[k * n + m] = out.hessian[m * n + k];
  }
  return out;
}

Quadratic MixtureLoss::at(std::span<const double> w) const {
  return sum(w, target_.size(), [](std::size_t r) { return r; });
}

Quadratic MixtureLoss::at(std::span<const double> w, std::span<const std::size_t> rows) const {
  return sum(w, rows.size(), [&](std::size_t r) { return rows[r]; });
}

}  // namespace tutti
