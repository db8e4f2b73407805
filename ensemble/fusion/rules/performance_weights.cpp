// Weights from validation performance, without a search:
//   performance-softmax  proportional to exp(performance / temperature); performance: auc - 1/2,
//   for
//                        ratings 1 / rmse
//   performance-rank     proportional to M - rank + 1 by that performance, equals sharing ranks
//   inverse-error        proportional to 1 / mean squared error (click, rank: of the probability)
//   bates-granger        least variance of the error of the mixture, w' S w over the simplex, S the
//                        covariance of the members' errors shrunk to a multiple of the identity
//                        (Bates and Granger, "The combination of forecasts", 1969; shrinkage of
//                        Ledoit and Wolf, "A well-conditioned estimator", 2004)
#include "tutti/ensemble/fusion/linear_rule.hpp"
#include "tutti/ensemble/fusion/simplex.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tutti {
namespace {

constexpr double kPerfect = 1e-12;  // a squared error below this counts as this

// [member][row] score - target
std::vector<std::vector<double>> errors(const FusionOptions& options, const Scores& scores,
                                        const Labels& labels) {
  const std::vector<double> target = targets(options, labels);
  std::vector<std::vector<double>> out;
  for (int m = 0; m < scores.members; ++m) {
    out.emplace_back(scores.member(m).begin(), scores.member(m).end());
    for (std::size_t i = 0; i < target.size(); ++i) out.back()[i] -= target[i];
  }
  return out;
}

class Softmax final : public LinearRule {
 public:
  explicit Softmax(const FusionOptions& options) : LinearRule("performance-softmax", options) {
    if (!(options.temperature > 0)) {
      throw Error(Code::Config, "fusion rule 'performance-softmax': the temperature is " +
                                    std::to_string(options.temperature) + ", it must be above 0");
    }
  }

 protected:
  [[nodiscard]] std::vector<double> fit_weights(const Scores& validation,
                                                const Labels& labels) const override {
    std::vector<double> w = performance(options(), validation, labels);
    const double most = *std::max_element(w.begin(), w.end());
    for (double& x : w) x = std::exp((x - most) / options().temperature);
    return normalised(std::move(w));
  }
};

std::vector<double> by_place(const FusionOptions& options, const Scores& validation,
                             const Labels& labels) {
  const std::vector<double> value = performance(options, validation, labels);
  std::vector<double> w;
  for (const double x : value) {
    double points = 0.5;  // of M - rank + 1: a point a member that is no better, half for itself
    for (const double y : value) points += y < x ? 1.0 : (y == x ? 0.5 : 0.0);
    w.push_back(points);
  }
  return normalised(std::move(w));
}

std::vector<double> inverse_error(const FusionOptions& options, const Scores& validation,
                                  const Labels& labels) {
  std::vector<double> w;
  for (const std::vector<double>& error : errors(options, validation, labels)) {
    double squares = 0;
    for (const double e : error) squares += e * e;
    w.push_back(1 / std::max(squares / static_cast<double>(error.size()), kPerfect));
  }
  return normalised(std::move(w));
}

// The covariance of the errors, shrunk: (1 - d) S + d mu I, mu the mean variance, d = min(b, a) /
// a, a = |S - mu I|^2, b = mean over rows of |x x' - S|^2 / rows (norms squared, over members).
std::vector<double> shrunk_covariance(std::vector<std::vector<double>> x) {
  const std::size_t n = x.size();
  const auto rows = static_cast<double>(x[0].size());
  for (auto& column : x) {
    double mean = 0;
    for (const double e : column) mean += e / rows;
    for (double& e : column) e -= mean;
  }
  std::vector<double> s(n * n, 0.0);
  double fourth = 0;  // sum over rows and pairs of x_a^2 x_b^2
  for (std::size_t a = 0; a < n; ++a) {
    for (std::size_t b = 0; b < n; ++b) {
      for (std::size_t i = 0; i < x[a].size(); ++i) {
        const double product = x[a][i] * x[b][i];
        s[a * n + b] += product / rows;
        fourth += product * product;
      }
    }
  }
  double mu = 0;
  double squares = 0;
  for (std::size_t a = 0; a < n; ++a) mu += s[a * n + a] / static_cast<double>(n);
  for (const double c : s) squares += c * c;
  const double away = squares - mu * mu * static_cast<double>(n);
  const double noise = (fourth / rows - squares) / rows;
  const double d = away > 0 ? std::clamp(noise / away, 0.0, 1.0) : 1.0;
  for (double& c : s) c *= 1 - d;
  for (std::size_t a = 0; a < n; ++a) s[a * n + a] += d * mu;
  return s;
}

std::vector<double> bates_granger(const FusionOptions& options, const Scores& validation,
                                  const Labels& labels) {
  const auto n = static_cast<std::size_t>(validation.members);
  if (validation.rows == 0) return normalised(std::vector<double>(n, 1.0));
  const std::vector<double> s = shrunk_covariance(errors(options, validation, labels));
  return minimise_on_simplex(validation.members,
                             [&](std::span<const double> w) {
                               Quadratic q{0, std::vector<double>(n, 0.0), s};
                               for (double& h : q.hessian) h *= 2;
                               for (std::size_t a = 0; a < n; ++a) {
                                 double slope = 0;
                                 for (std::size_t b = 0; b < n; ++b) slope += s[a * n + b] * w[b];
                                 q.value += w[a] * slope;
                                 q.gradient[a] = 2 * slope;
                               }
                               return q;
                             })
      .weights;
}

const bool registered_softmax = FusionRegistry::add(
    "performance-softmax", "weights by exp(validation performance / temperature)",
    [](const FusionOptions& options) { return std::make_unique<Softmax>(options); });
const bool registered_rank =
    add_weights_rule("performance-rank", "weights by rank of validation performance", by_place);
const bool registered_error = add_weights_rule(
    "inverse-error", "weights by 1 / mean squared validation error", inverse_error);
const bool registered_variance = add_weights_rule(
    "bates-granger", "least error variance, shrunk covariance of errors", bates_granger);

}  // namespace
}  // namespace tutti
