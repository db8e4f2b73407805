// ndcg@k: sum over ranks r <= k of relevant_r / log2(r + 1), divided by the same sum of the best
// order (Jarvelin and Kekalainen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002).
// Gains are 0 or 1: a label of at least `positive` is relevant.
//
// Ties: the expected value over all orders of tied rows, exactly (each tied row gets the mean
// discount of its group), as scikit-learn's ndcg_score(ignore_ties=False). A list shorter than k
// is used whole. Users without a positive are left out (scikit-learn and ranx count them as 0).
#include "tutti/ensemble/metrics/terms.hpp"

#include <algorithm>
#include <cmath>

namespace tutti {
namespace {

double discounts(int from, int to) {
  double sum = 0;
  for (int r = from; r < to; ++r) sum += 1.0 / std::log2(r + 2.0);
  return sum;
}

class Ndcg final : public RankedMetric {
 public:
  explicit Ndcg(const MetricOptions& options) : RankedMetric("ndcg", options) {}

 protected:
  [[nodiscard]] double of_user(const UserList& list, int k) const override {
    double gain = 0;
    for (const TieGroup& g : list.groups) {
      if (g.before >= k) break;
      if (g.positives == 0) continue;
      gain += discounts(g.before, std::min(k, g.before + g.size)) * g.positives / g.size;
    }
    return gain / discounts(0, std::min(k, list.positives));
  }
};

const bool registered = MetricRegistry::add(
    "ndcg", "normalised discounted cumulative gain of each user's first k rows",
    [](const MetricOptions& options) { return std::make_unique<Ndcg>(options); });

}  // namespace
}  // namespace tutti
