// learned: the weights of least loss on validation over the simplex, found to a proven gap.
//   click, rank  mean of -log q, q = sum_m w_m q_m, q_m the probability that member m gives to the
//                label (clipped to [1e-12, 1 - 1e-12]); convex in w: the likelihood of a mixture
//                with known components
//   rating       mean of (sum_m w_m s_m - label)^2: least squares
#include "tutti/ensemble/fusion/linear_rule.hpp"
#include "tutti/ensemble/fusion/simplex.hpp"

#include <algorithm>
#include <cmath>

namespace tutti {
namespace {

Quadratic empty_quadratic(std::size_t n) {
  return {0.0, std::vector<double>(n, 0.0), std::vector<double>(n * n, 0.0)};
}

// `column` [row][member]: the vectors whose mixture the loss is a function of.
struct Table {
  std::vector<double> column;
  std::vector<double> target;
  std::size_t members = 0;
  std::size_t rows = 0;
};

// The loss of one mixture value z and its first two derivatives.
struct Loss {
  double value, first, second;
};

Quadratic loss_of_mixture(const Table& table, std::span<const double> w,
                          Loss (*loss)(double z, double target)) {
  const std::size_t n = table.members;
  Quadratic out = empty_quadratic(n);
  const double scale = table.rows > 0 ? 1.0 / static_cast<double>(table.rows) : 0.0;
  for (std::size_t i = 0; i < table.rows; ++i) {
    const double* x = &table.column[i * n];
    double z = 0;
    for (std::size_t m = 0; m < n; ++m) z += w[m] * x[m];
    const Loss l = loss(z, table.target[i]);
    out.value += scale * l.value;
    for (std::size_t m = 0; m < n; ++m) {
      out.gradient[m] += scale * l.first * x[m];
      for (std::size_t k = 0; k <= m; ++k) out.hessian[m * n + k] += scale * l.second * x[m] * x[k];
    }
  }
  for (std::size_t m = 0; m < n; ++m) {
    for (std::size_t k = 0; k < m; ++k) out.hessian[k * n + m] = out.hessian[m * n + k];
  }
  return out;
}

Loss negative_log(double z, double /*target*/) { return {-std::log(z), -1 / z, 1 / (z * z)}; }

Loss squared(double z, double target) {
  return {(z - target) * (z - target), 2 * (z - target), 2.0};
}

class Learned final : public LinearRule {
 public:
  using LinearRule::LinearRule;

 protected:
  [[nodiscard]] std::vector<double> fit_weights(const Scores& validation,
                                                const Labels& labels) const override {
    const bool rating = options().task == "rating";
    Table table;
    table.members = static_cast<std::size_t>(validation.members);
    table.rows = static_cast<std::size_t>(validation.rows);
    table.target = targets(options(), labels);
    table.column.resize(table.members * table.rows);
    for (std::size_t m = 0; m < table.members; ++m) {
      const auto score = validation.member(static_cast<int>(m));
      for (std::size_t i = 0; i < table.rows; ++i) {
        constexpr double kEdge = 1e-12;
        const double p = std::clamp(score[i], kEdge, 1 - kEdge);
        table.column[i * table.members + m] = rating ? score[i] : (table.target[i] > 0 ? p : 1 - p);
      }
    }
    return minimise_on_simplex(validation.members,
                               [&](std::span<const double> w) {
                                 return loss_of_mixture(table, w, rating ? squared : negative_log);
                               })
        .weights;
  }
};

const bool registered = FusionRegistry::add(
    "learned", "weights of least log-loss (rating: squared error) on validation",
    [](const FusionOptions& options) { return std::make_unique<Learned>("learned", options); });

}  // namespace
}  // namespace tutti
