// ndcg: the weights over the simplex that make the ndcg@`top_k` of validation best, by direct
// search (coordinate ascent: Metzler and Croft, "Linear feature-based models for information
// retrieval", Information Retrieval 2007). Starts from the best of equal weights and each member
// alone; a step adds to or takes from one weight (0.5, 0.25, 0.1, 0.05, 0.02 of all, in turn) and
// makes the sum 1 again; the best of all steps is taken until none is better. The measure is a step
// function of the weights: among weights of equal value the first found is kept. No rating.
#include "tutti/ensemble/fusion/linear_rule.hpp"
#include "tutti/ensemble/metric.hpp"

#include <algorithm>
#include <cmath>

namespace tutti {
namespace {

class NdcgWeights final : public LinearRule {
 public:
  explicit NdcgWeights(const FusionOptions& options) : LinearRule("ndcg", options) {
    refuse_rating(name(), options);
  }

 protected:
  [[nodiscard]] std::vector<double> fit_weights(const Scores& validation,
                                                const Labels& labels) const override {
    MetricOptions metric_options;
    metric_options.k = options().top_k;
    metric_options.positive = options().positive;
    const auto metric = make_metric("ndcg", metric_options);
    const auto n = static_cast<std::size_t>(validation.members);
    std::vector<double> fused;
    const auto value = [&](const std::vector<double>& w) {
      fused.assign(static_cast<std::size_t>(validation.rows), 0.0);
      for (int m = 0; m < validation.members; ++m) {
        const auto score = validation.member(m);
        const double weight = w[static_cast<std::size_t>(m)];
        if (weight == 0) continue;
        for (std::size_t i = 0; i < fused.size(); ++i) fused[i] += weight * score[i];
      }
      const double x = metric->evaluate(fused, labels.value, validation.user);
      return std::isnan(x) ? 0.0 : x;
    };
    // Better by more than rounding, so that the order of members decides nothing.
    constexpr double kLeast = 1e-9;
    std::vector<double> best(n, 1.0 / validation.members);
    double most = value(best);
    for (std::size_t m = 0; m < n; ++m) {
      std::vector<double> alone(n, 0.0);
      alone[m] = 1;
      if (const double x = value(alone); x > most + kLeast) {
        most = x;
        best = alone;
      }
    }
    for (const double size : {0.5, 0.25, 0.1, 0.05, 0.02}) {
      constexpr int kMostSteps = 50;
      for (int step = 0; step < kMostSteps; ++step) {
        std::vector<double> next;
        double highest = most;
        for (std::size_t m = 0; m < n; ++m) {
          for (const double by : {size, -size}) {
            std::vector<double> w = best;
            w[m] = std::max(0.0, w[m] + by);
            if (std::all_of(w.begin(), w.end(), [](double x) { return x == 0; })) continue;
            w = normalised(std::move(w));
            if (const double x = value(w); x > highest + kLeast) {
              highest = x;
              next = std::move(w);
            }
          }
        }
        if (next.empty()) break;
        best = std::move(next);
        most = highest;
      }
    }
    return best;
  }
};

const bool registered = FusionRegistry::add(
    "ndcg", "weights of best ndcg@top_k on validation, by direct search",
    [](const FusionOptions& options) { return std::make_unique<NdcgWeights>(options); });

}  // namespace
}  // namespace tutti
