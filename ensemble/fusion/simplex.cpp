#include "tutti/ensemble/fusion/simplex.hpp"

#include "tutti/data/error.hpp"
#include "tutti/ensemble/fusion/logistic.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace tutti {

namespace {

struct Model {
  std::vector<double> gradient;  // at `at`
  std::vector<double> hessian;
  std::vector<double> at;

  [[nodiscard]] double slope(std::size_t i, const std::vector<double>& w) const {
    const std::size_t n = at.size();
    double g = gradient[i];
    for (std::size_t j = 0; j < n; ++j) g += hessian[i * n + j] * (w[j] - at[j]);
    return g;
  }
};

// The minimum of the model over the face where only `free` weights differ from 0: stationary point
// of the Lagrangian, which may have negative weights.
std::optional<std::vector<double>> face_minimum(const Model& model, const std::vector<bool>& free) {
  const std::size_t n = model.at.size();
  std::vector<std::size_t> index;
  for (std::size_t i = 0; i < n; ++i) {
    if (free[i]) index.push_back(i);
  }
  const std::size_t m = index.size() + 1;
  std::vector<double> a(m * m, 0.0);
  std::vector<double> b(m, 1.0);
  const std::vector<double> zero(n, 0.0);
  for (std::size_t r = 0; r + 1 < m; ++r) {
    for (std::size_t c = 0; c + 1 < m; ++c) a[r * m + c] = model.hessian[index[r] * n + index[c]];
    a[r * m + m - 1] = a[(m - 1) * m + r] = 1.0;
    b[r] = -model.slope(index[r], zero);
  }
  const auto solved = solve_linear(std::move(a), std::move(b));
  if (!solved) return std::nullopt;
  std::vector<double> w(n, 0.0);
  for (std::size_t r = 0; r + 1 < m; ++r) w[index[r]] = (*solved)[r];
  return w;
}

// Active-set method: move to the minimum of the face, giving up the weight that reaches 0 first;
// at the minimum take in the weight with the steepest fall. Finite for a strictly convex model.
std::vector<double> minimise_model(const Model& model) {
  const std::size_t n = model.at.size();
  std::vector<double> w = model.at;
  std::vector<bool> free(n);
  for (std::size_t i = 0; i < n; ++i) free[i] = w[i] > 0;
  const std::size_t limit = 50 * n;
  for (std::size_t step = 0; step < limit; ++step) {
    const auto target = face_minimum(model, free);
    if (!target) return w;
    double t = 1;
    std::size_t blocking = n;
    for (std::size_t i = 0; i < n; ++i) {
      if (!free[i] || (*target)[i] > 0) continue;
      const double reach = w[i] / (w[i] - (*target)[i]);
      if (w[i] == 0 || reach < t) {
        t = w[i] == 0 ? 0 : reach;
        blocking = i;
      }
    }
    for (std::size_t i = 0; i < n; ++i) {
      if (free[i]) w[i] = std::max(0.0, w[i] + t * ((*target)[i] - w[i]));
    }
    if (blocking < n) {
      w[blocking] = 0;
      free[blocking] = false;
      continue;
    }
    double level = 0;  // the common slope on the face
    for (std::size_t i = 0; i < n; ++i) level += w[i] * model.slope(i, w);
    std::size_t enter = n;
    double steepest = level - 1e-14 * (1 + std::abs(level));
    for (std::size_t i = 0; i < n; ++i) {
      const double slope = model.slope(i, w);
      if (!free[i] && slope < steepest) {
        steepest = slope;
        enter = i;
      }
    }
    if (enter == n) break;
    free[enter] = true;
  }
  return w;
}

void to_unit_sum(std::vector<double>& w) {
  double sum = 0;
  for (const double x : w) sum += x;
  for (double& x : w) x /= sum;
}

double mean_curvature(const Quadratic& q) {
  const std::size_t n = q.gradient.size();
  double trace = 0;
  for (std::size_t i = 0; i < n; ++i) trace += q.hessian[i * n + i];
  return trace / static_cast<double>(n);
}

Quadratic with_ridge(Quadratic q, std::span<const double> w, double strength) {
  const std::size_t n = w.size();
  for (std::size_t i = 0; i < n; ++i) {
    const double away = w[i] - 1.0 / static_cast<double>(n);
    q.value += 0.5 * strength * away * away;
    q.gradient[i] += strength * away;
    q.hessian[i * n + i] += strength;
  }
  return q;
}

double duality_gap(const Quadratic& q, const std::vector<double>& w) {
  double mean = 0;
  for (std::size_t i = 0; i < w.size(); ++i) mean += w[i] * q.gradient[i];
  return mean - *std::min_element(q.gradient.begin(), q.gradient.end());
}

}  // namespace

SimplexResult minimise_on_simplex(
    int members, const std::function<Quadratic(std::span<const double>)>& quadratic,
    double tolerance, int max_steps, double ridge) {
  TUTTI_ASSERT(members > 0, "a simplex has a corner");
  const auto n = static_cast<std::size_t>(members);
  SimplexResult out;
  out.weights.assign(n, 1.0 / members);
  constexpr double kLeastCurvature = 1e-12;  // members that all score 0 have none
  const double strength = ridge * std::max(kLeastCurvature, mean_curvature(quadratic(out.weights)));
  const auto at = [&](const std::vector<double>& w) {
    return with_ridge(quadratic(w), w, strength);
  };
  Quadratic here = at(out.weights);
  out.gap = duality_gap(here, out.weights);
  while (out.gap > tolerance && out.steps < max_steps) {
    std::vector<double> next = minimise_model({here.gradient, here.hessian, out.weights});
    to_unit_sum(next);
    bool moved = false;
    for (int halving = 0; halving < 40 && !moved; ++halving) {
      Quadratic there = at(next);
      if (there.value < here.value) {
        out.weights = next;
        here = std::move(there);
        moved = true;
      } else {
        for (std::size_t i = 0; i < n; ++i) next[i] = 0.5 * (next[i] + out.weights[i]);
      }
    }
    if (!moved) break;
    out.gap = duality_gap(here, out.weights);
    ++out.steps;
  }
  return out;
}

}  // namespace tutti
