// bayes-average: Bayesian model averaging with the uncertainty of which users were seen
// (pseudo-BMA+: Yao, Vehtari, Simpson, Gelman, "Using stacking to average Bayesian predictive
// distributions", Bayesian Analysis 2018). The weight of member m is the mean over 200 draws of
//   exp(L_m) / sum_k exp(L_k), L_m = U sum_u g_u l_m(u) / sum_u g_u
// g_u independent exponential (a Bayesian bootstrap of the U validation users), l_m(u) the log
// likelihood of user u's labels: of the probabilities (cut to [1e-12, 1 - 1e-12]), for ratings
// normal with the member's own mean squared error as variance.
#include "tutti/data/random.hpp"
#include "tutti/ensemble/fusion/linear_rule.hpp"
#include "tutti/ensemble/fusion/lists.hpp"

#include <algorithm>
#include <cmath>

namespace tutti {
namespace {

constexpr int kDraws = 200;

class BayesAverage final : public LinearRule {
 public:
  explicit BayesAverage(const FusionOptions& options) : LinearRule("bayes-average", options) {
    refuse_open(name(), options);
  }

 protected:
  [[nodiscard]] std::vector<double> fit_weights(const Scores& validation,
                                                const Labels& labels) const override {
    const auto members = static_cast<std::size_t>(validation.members);
    const std::vector<double> y = targets(options(), labels);
    const UserRows lists(validation.user);
    std::vector<std::vector<double>> likelihood;  // [member][user]
    for (std::size_t m = 0; m < members; ++m) {
      const std::vector<double> row = of_rows(validation.member(static_cast<int>(m)), y);
      likelihood.emplace_back();
      for (std::size_t u = 0; u < lists.size(); ++u) {
        double sum = 0;
        for (const std::size_t i : lists[u]) sum += row[i];
        likelihood.back().push_back(sum);
      }
    }
    std::vector<double> weights(members, 0.0);
    for (int draw = 0; draw < kDraws; ++draw) {
      Random random(0, "bayes-average", {static_cast<std::uint64_t>(draw)});
      std::vector<double> total(members, 0.0);
      double sum = 0;
      for (std::size_t u = 0; u < lists.size(); ++u) {
        const double g = -std::log(1 - random.uniform());
        sum += g;
        for (std::size_t m = 0; m < members; ++m) total[m] += g * likelihood[m][u];
      }
      double most = -1e300;
      for (double& t : total) {
        t = sum > 0 ? t * static_cast<double>(lists.size()) / sum : 0.0;
        most = std::max(most, t);
      }
      double all = 0;
      for (double& t : total) all += t = std::exp(t - most);
      for (std::size_t m = 0; m < members; ++m) weights[m] += total[m] / all / kDraws;
    }
    return normalised(std::move(weights));
  }

 private:
  [[nodiscard]] std::vector<double> of_rows(std::span<const double> score,
                                            const std::vector<double>& y) const {
    std::vector<double> out;
    if (options().task == "rating") {
      constexpr double kLeastVariance = 1e-12;
      double variance = 0;
      for (std::size_t i = 0; i < y.size(); ++i) {
        variance += (score[i] - y[i]) * (score[i] - y[i]) / static_cast<double>(y.size());
      }
      variance = std::max(variance, kLeastVariance);
      for (std::size_t i = 0; i < y.size(); ++i) {
        const double e = score[i] - y[i];
        out.push_back(-0.5 * (e * e / variance + std::log(variance)));
      }
      return out;
    }
    for (std::size_t i = 0; i < y.size(); ++i) {
      constexpr double kEdge = 1e-12;
      const double p = std::clamp(score[i], kEdge, 1 - kEdge);
      out.push_back(std::log(y[i] > 0 ? p : 1 - p));
    }
    return out;
  }
};

const bool registered = FusionRegistry::add(
    "bayes-average", "Bayesian model averaging, users drawn by Bayesian bootstrap",
    [](const FusionOptions& options) { return std::make_unique<BayesAverage>(options); });

}  // namespace
}  // namespace tutti
