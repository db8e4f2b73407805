// Stacking by a linear model of the members' scores, weights of either sign (Wolpert, "Stacked
// generalization", 1992), L2 penalty `penalty` = c on the weights, none on the intercept b:
//   ridge     least sum of (b + w.s - y)^2 + c |w|^2; click and rank: cut to [0, 1]
//   logistic  least sum of log(1 + exp(-+ (b + w.f))) + c |w|^2 / 2, f the members' log-odds (their
//             scores where scores are open); fused: 1 / (1 + exp(-(b + w.f)))
//   pairwise  least sum over pairs of a user's relevant row i and other row j of
//             log(1 + exp(-w.(f_i - f_j))) + c |w|^2 / 2 (Burges et al., "Learning to rank using
//             gradient descent", ICML 2005, with a linear scorer); fused: 1 / (1 + exp(-w.f)),
//             open: w.f. At most about 200,000 pairs: every k-th. No pair: equal weights.
// logistic and pairwise predict no rating.
#include "tutti/ensemble/fusion/checked_rule.hpp"
#include "tutti/ensemble/fusion/lists.hpp"
#include "tutti/ensemble/fusion/logistic.hpp"
#include "tutti/ensemble/fusion/rule_state.hpp"

#include <algorithm>
#include <cmath>

namespace tutti {
namespace {

// w.x + b of each row; x is what input() makes of a score.
class LinearModel : public CheckedRule {
 public:
  LinearModel(const std::string& name, const FusionOptions& options) : CheckedRule(name, options) {
    if (!(options.penalty >= 0)) {
      throw Error(Code::Config, "fusion rule '" + name + "': the penalty is " +
                                    std::to_string(options.penalty) + ", it must be from 0");
    }
  }

  // Of either sign, and not of a mean: in the state alone.
  [[nodiscard]] std::vector<double> weights() const final { return {}; }
  [[nodiscard]] std::string state() const final {
    return write_rule_state(name(), {{"weights", {weights_}}, {"intercept", {{intercept_}}}});
  }
  void restore(std::string_view json) final {
    const auto lists = read_rule_state(name(), json, "weights");
    if (lists.size() != 1 || lists[0].empty()) {
      throw Error(Code::Data,
                  "state of fusion rule '" + name() + "': a weight a member was expected");
    }
    intercept_ = read_number(name(), json, "intercept");
    weights_ = lists[0];
  }

 protected:
  void do_fuse(const Scores& in, std::span<double> out) const final {
    for (int m = 0; m < in.members; ++m) {
      const auto score = in.member(m);
      const double w = weights_[static_cast<std::size_t>(m)];
      for (std::size_t i = 0; i < out.size(); ++i) out[i] += w * input(score[i]);
    }
    for (double& z : out) z = output(z + intercept_);
  }

  [[nodiscard]] int members() const final { return static_cast<int>(weights_.size()); }
  [[nodiscard]] virtual double input(double score) const { return score; }
  [[nodiscard]] virtual double output(double z) const = 0;

  /// [row][member], and a column of ones if wanted
  [[nodiscard]] std::vector<double> inputs(const Scores& in, bool ones) const {
    const std::size_t width = static_cast<std::size_t>(in.members) + (ones ? 1 : 0);
    std::vector<double> x(static_cast<std::size_t>(in.rows) * width, 1.0);
    for (int m = 0; m < in.members; ++m) {
      const auto score = in.member(m);
      for (std::size_t i = 0; i < score.size(); ++i) {
        x[i * width + static_cast<std::size_t>(m)] = input(score[i]);
      }
    }
    return x;
  }

  void set(std::vector<double> weights, double intercept) {
    weights_ = std::move(weights);
    intercept_ = intercept;
  }

 private:
  std::vector<double> weights_;
  double intercept_ = 0;
};

class Ridge final : public LinearModel {
 public:
  explicit Ridge(const FusionOptions& options) : LinearModel("ridge", options) {}

 protected:
  void do_fit(const Scores& validation, const Labels& labels) override {
    const std::vector<double> y = targets(options(), labels);
    const auto n = static_cast<std::size_t>(validation.members);
    const auto rows = static_cast<double>(std::max<std::size_t>(1, y.size()));
    std::vector<double> x = inputs(validation, false);
    std::vector<double> mean(n, 0.0);
    double mean_y = 0;
    for (std::size_t i = 0; i < y.size(); ++i) {
      for (std::size_t m = 0; m < n; ++m) mean[m] += x[i * n + m] / rows;
      mean_y += y[i] / rows;
    }
    std::vector<double> a(n * n, 0.0);
    std::vector<double> b(n, 0.0);
    for (std::size_t i = 0; i < y.size(); ++i) {
      double* row = &x[i * n];
      for (std::size_t m = 0; m < n; ++m) {
        row[m] -= mean[m];
        b[m] += row[m] * (y[i] - mean_y);
        for (std::size_t k = 0; k <= m; ++k) a[m * n + k] += row[m] * row[k];
      }
    }
    double trace = 0;
    for (std::size_t m = 0; m < n; ++m) trace += a[m * n + m];
    for (std::size_t m = 0; m < n; ++m) {
      // Without a penalty clones would make the system singular: they share by the smallest one.
      a[m * n + m] += std::max(options().penalty, 1e-12 * trace) + 1e-300;
      for (std::size_t k = 0; k < m; ++k) a[k * n + m] = a[m * n + k];
    }
    std::vector<double> w = solve_linear(a, b).value_or(std::vector<double>(n, 0.0));
    double intercept = mean_y;
    for (std::size_t m = 0; m < n; ++m) intercept -= w[m] * mean[m];
    set(std::move(w), intercept);
  }

  [[nodiscard]] double output(double z) const override {
    return options().task == "rating" || options().open_scores ? z : std::clamp(z, 0.0, 1.0);
  }
};

class Logistic : public LinearModel {
 public:
  Logistic(const std::string& name, const FusionOptions& options) : LinearModel(name, options) {
    refuse_rating(name, options);
  }

 protected:
  void do_fit(const Scores& validation, const Labels& labels) override {
    const auto n = static_cast<std::size_t>(validation.members);
    std::vector<double> penalty(n + 1, options().penalty);
    penalty[n] = 0;
    std::vector<double> w =
        fit_logistic(inputs(validation, true), targets(options(), labels), penalty);
    const double intercept = w[n];
    w.resize(n);
    set(std::move(w), intercept);
  }

  [[nodiscard]] double input(double score) const override {
    return options().open_scores ? score : log_odds_of(score);
  }
  [[nodiscard]] double output(double z) const override { return 1 / (1 + std::exp(-z)); }
};

class Pairwise final : public Logistic {
 public:
  explicit Pairwise(const FusionOptions& options) : Logistic("pairwise", options) {}

 protected:
  void do_fit(const Scores& validation, const Labels& labels) override {
    const std::vector<double> y = targets(options(), labels);
    const auto n = static_cast<std::size_t>(validation.members);
    const std::vector<double> x = inputs(validation, false);
    const UserRows lists(validation.user);
    const auto for_pairs = [&](const auto& use) {
      std::size_t at = 0;
      for (std::size_t list = 0; list < lists.size(); ++list) {
        for (const std::size_t i : lists[list]) {
          if (y[i] <= 0) continue;
          for (const std::size_t j : lists[list]) {
            if (y[j] <= 0) use(at++, i, j);
          }
        }
      }
    };
    std::size_t pairs = 0;
    for_pairs([&](std::size_t, std::size_t, std::size_t) { ++pairs; });
    if (pairs == 0) {
      set(std::vector<double>(n, 1.0 / validation.members), 0);
      return;
    }
    constexpr std::size_t kMost = 200000;
    const std::size_t step = (pairs + kMost - 1) / kMost;
    std::vector<double> d;
    for_pairs([&](std::size_t at, std::size_t i, std::size_t j) {
      if (at % step != 0) return;
      for (std::size_t m = 0; m < n; ++m) d.push_back(x[i * n + m] - x[j * n + m]);
    });
    set(fit_logistic(d, std::vector<double>(d.size() / n, 1.0),
                     std::vector<double>(n, options().penalty)),
        0);
  }

  [[nodiscard]] double output(double z) const override {
    return options().open_scores ? z : Logistic::output(z);
  }
};

const bool registered_ridge = FusionRegistry::add(
    "ridge", "ridge regression on the scores",
    [](const FusionOptions& options) { return std::make_unique<Ridge>(options); });
const bool registered_logistic = FusionRegistry::add(
    "logistic", "logistic regression on the log-odds",
    [](const FusionOptions& options) { return std::make_unique<Logistic>("logistic", options); });
const bool registered_pairwise = FusionRegistry::add(
    "pairwise", "logistic regression on pairs of a user's rows (RankNet, linear)",
    [](const FusionOptions& options) { return std::make_unique<Pairwise>(options); });

}  // namespace
}  // namespace tutti
