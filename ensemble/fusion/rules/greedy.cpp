// greedy: ensemble selection with replacement (Caruana et al., "Ensemble selection from libraries
// of models", ICML 2004). From nothing, 50 times, add the member that makes the mean of the picks
// best on validation (log-loss; rating: squared error; the first of equals); keep the best prefix.
// The weight of a member is its share of the picks.
#include "tutti/ensemble/fusion/linear_rule.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tutti {
namespace {

constexpr int kPicks = 50;

class Greedy final : public LinearRule {
 public:
  using LinearRule::LinearRule;

 protected:
  [[nodiscard]] std::vector<double> fit_weights(const Scores& validation,
                                                const Labels& labels) const override {
    const std::vector<double> target = targets(options(), labels);
    const auto members = static_cast<std::size_t>(validation.members);
    std::vector<double> sum(target.size(), 0.0);
    std::vector<double> count(members, 0.0);
    std::vector<double> best_count;
    double best = std::numeric_limits<double>::infinity();
    for (int pick = 1; pick <= kPicks; ++pick) {
      std::size_t chosen = 0;
      double lowest = std::numeric_limits<double>::infinity();
      for (std::size_t m = 0; m < members; ++m) {
        const double loss = loss_with(sum, validation.member(static_cast<int>(m)), pick, target);
        if (loss < lowest) {
          lowest = loss;
          chosen = m;
        }
      }
      count[chosen] += 1;
      const auto score = validation.member(static_cast<int>(chosen));
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += score[i];
      if (lowest < best || best_count.empty()) {
        best = lowest;
        best_count = count;
      }
    }
    return normalised(std::move(best_count));
  }

 private:
  // The loss of (sum + score) / picks.
  [[nodiscard]] double loss_with(const std::vector<double>& sum, std::span<const double> score,
                                 int picks, const std::vector<double>& target) const {
    const bool rating = options().task == "rating";
    double total = 0;
    for (std::size_t i = 0; i < sum.size(); ++i) {
      const double z = (sum[i] + score[i]) / picks;
      if (rating) {
        total += (z - target[i]) * (z - target[i]);
      } else {
        constexpr double kEdge = 1e-12;
        const double p = target[i] > 0 ? z : 1 - z;
        total -= std::log(std::max(p, kEdge));
      }
    }
    return total;
  }
};

const bool registered = FusionRegistry::add(
    "greedy", "greedy selection with replacement, at most 50 picks",
    [](const FusionOptions& options) { return std::make_unique<Greedy>("greedy", options); });

}  // namespace
}  // namespace tutti
