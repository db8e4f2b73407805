// Ensemble selection with replacement (Caruana et al., "Ensemble selection from libraries of
// models", ICML 2004). From nothing, 50 times, add the member that makes the mean of the picks best
// on validation (log-loss; rating: squared error; the first of equals); keep the best prefix. The
// weight of a member is its share of the picks.
//   greedy         from all members
//   greedy-bagged  the mean of the weights of 20 selections, each from a random half of the members
//                  (rounded up); the halves follow from the members' names, not their order
#include "tutti/data/random.hpp"
#include "tutti/ensemble/fusion/linear_rule.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace tutti {
namespace {

constexpr int kPicks = 50;
constexpr int kBags = 20;

class Greedy final : public LinearRule {
 public:
  Greedy(const std::string& name, const FusionOptions& options, bool bagged)
      : LinearRule(name, options), bagged_(bagged) {
    refuse_open(name, options);
  }

 protected:
  [[nodiscard]] std::vector<double> fit_weights(const Scores& validation,
                                                const Labels& labels) const override {
    const std::vector<double> target = targets(options(), labels);
    if (!bagged_) {
      std::vector<int> all;
      for (int m = 0; m < validation.members; ++m) all.push_back(m);
      return select(validation, target, all);
    }
    std::vector<double> weights(static_cast<std::size_t>(validation.members), 0.0);
    for (int bag = 0; bag < kBags; ++bag) {
      const std::vector<double> w = select(validation, target, half(validation.members, bag));
      for (std::size_t m = 0; m < w.size(); ++m) weights[m] += w[m] / kBags;
    }
    return normalised(std::move(weights));
  }

 private:
  [[nodiscard]] std::vector<int> half(int members, int bag) const {
    std::vector<std::pair<std::uint64_t, int>> drawn;
    for (int m = 0; m < members; ++m) {
      Random random(0, "greedy-bag " + member_name(options(), m),
                    {static_cast<std::uint64_t>(bag)});
      drawn.emplace_back(random.next(), m);
    }
    std::sort(drawn.begin(), drawn.end());
    std::vector<int> out;
    for (int i = 0; i < (members + 1) / 2; ++i) {
      out.push_back(drawn[static_cast<std::size_t>(i)].second);
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  [[nodiscard]] std::vector<double> select(const Scores& validation,
                                           const std::vector<double>& target,
                                           const std::vector<int>& from) const {
    std::vector<double> sum(target.size(), 0.0);
    std::vector<double> count(static_cast<std::size_t>(validation.members), 0.0);
    std::vector<double> best_count;
    double best = std::numeric_limits<double>::infinity();
    for (int pick = 1; pick <= kPicks; ++pick) {
      int chosen = from.front();
      double lowest = std::numeric_limits<double>::infinity();
      for (const int m : from) {
        const double loss = loss_with(sum, validation.member(m), pick, target);
        if (loss < lowest) {
          lowest = loss;
          chosen = m;
        }
      }
      count[static_cast<std::size_t>(chosen)] += 1;
      const auto score = validation.member(chosen);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += score[i];
      if (lowest < best || best_count.empty()) {
        best = lowest;
        best_count = count;
      }
    }
    return normalised(std::move(best_count));
  }

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

  bool bagged_;
};

const bool registered =
    FusionRegistry::add("greedy", "greedy selection with replacement, at most 50 picks",
                        [](const FusionOptions& options) {
                          return std::make_unique<Greedy>("greedy", options, false);
                        });
const bool registered_bagged = FusionRegistry::add(
    "greedy-bagged", "mean of 20 greedy selections, each from half of the members",
    [](const FusionOptions& options) {
      return std::make_unique<Greedy>("greedy-bagged", options, true);
    });

}  // namespace
}  // namespace tutti
