#include "tutti/ensemble/fusion/logistic.hpp"

#include "tutti/data/error.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tutti {

std::optional<std::vector<double>> solve_linear(std::vector<double> a, std::vector<double> b) {
  const std::size_t n = b.size();
  for (std::size_t c = 0; c < n; ++c) {
    std::size_t pivot = c;
    for (std::size_t r = c + 1; r < n; ++r) {
      if (std::abs(a[r * n + c]) > std::abs(a[pivot * n + c])) pivot = r;
    }
    if (a[pivot * n + c] == 0) return std::nullopt;
    if (pivot != c) {
      for (std::size_t k = 0; k < n; ++k) std::swap(a[c * n + k], a[pivot * n + k]);
      std::swap(b[c], b[pivot]);
    }
    for (std::size_t r = c + 1; r < n; ++r) {
      const double f = a[r * n + c] / a[c * n + c];
      for (std::size_t k = c; k < n; ++k) a[r * n + k] -= f * a[c * n + k];
      b[r] -= f * b[c];
    }
  }
  for (std::size_t c = n; c-- > 0;) {
    for (std::size_t k = c + 1; k < n; ++k) b[c] -= a[c * n + k] * b[k];
    b[c] /= a[c * n + c];
  }
  return b;
}

namespace {

struct Step {
  double loss = 0;
  std::vector<double> gradient;
  std::vector<double> hessian;
};

double softplus(double z) { return z > 0 ? z + std::log1p(std::exp(-z)) : std::log1p(std::exp(z)); }

Step at(std::span<const double> x, std::span<const double> target, std::span<const double> penalty,
        const std::vector<double>& w) {
  const std::size_t n = w.size();
  Step out{0, std::vector<double>(n, 0.0), std::vector<double>(n * n, 0.0)};
  for (std::size_t i = 0; i < target.size(); ++i) {
    const double* row = &x[i * n];
    double z = 0;
    for (std::size_t j = 0; j < n; ++j) z += w[j] * row[j];
    const double p = 1 / (1 + std::exp(-z));
    out.loss += softplus(z) - target[i] * z;
    for (std::size_t j = 0; j < n; ++j) {
      out.gradient[j] += (p - target[i]) * row[j];
      const double c = p * (1 - p) * row[j];
      for (std::size_t k = 0; k <= j; ++k) out.hessian[j * n + k] += c * row[k];
    }
  }
  for (std::size_t j = 0; j < n; ++j) {
    out.loss += 0.5 * penalty[j] * w[j] * w[j];
    out.gradient[j] += penalty[j] * w[j];
    out.hessian[j * n + j] += penalty[j];
    for (std::size_t k = 0; k < j; ++k) out.hessian[k * n + j] = out.hessian[j * n + k];
  }
  return out;
}

}  // namespace

std::vector<double> fit_logistic(std::span<const double> x, std::span<const double> target,
                                 std::span<const double> penalty) {
  const std::size_t n = penalty.size();
  TUTTI_ASSERT(x.size() == n * target.size(), "x [row][feature]");
  std::vector<double> w(n, 0.0);
  Step here = at(x, target, penalty, w);
  const double tolerance = 1e-10 * static_cast<double>(std::max<std::size_t>(1, target.size()));
  for (int step = 0; step < 100; ++step) {
    double steepest = 0;
    for (const double g : here.gradient) steepest = std::max(steepest, std::abs(g));
    if (steepest < tolerance) break;
    // A column of zeros (a member that scores 1/2 everywhere) has no curvature: it keeps weight 0.
    double trace = 0;
    for (std::size_t j = 0; j < n; ++j) trace += here.hessian[j * n + j];
    for (std::size_t j = 0; j < n; ++j) here.hessian[j * n + j] += 1e-12 * trace + 1e-300;
    const auto direction = solve_linear(here.hessian, here.gradient);
    if (!direction) break;
    bool moved = false;
    double length = 1;
    for (int halving = 0; halving < 40 && !moved; ++halving, length *= 0.5) {
      std::vector<double> next = w;
      for (std::size_t j = 0; j < n; ++j) next[j] -= length * (*direction)[j];
      Step there = at(x, target, penalty, next);
      if (there.loss < here.loss) {
        w = std::move(next);
        here = std::move(there);
        moved = true;
      }
    }
    if (!moved) break;
  }
  return w;
}

double log_odds_of(double p) {
  constexpr double kEdge = 1e-12;
  const double q = std::clamp(p, kEdge, 1 - kEdge);
  return std::log(q / (1 - q));
}

}  // namespace tutti
