// mrr@k: 1 / rank of the user's first positive, 0 if that is beyond k.
// map@k: sum over the positives at ranks r <= k of (positives up to r) / r, divided by the number
// of
//        the user's positives (as ranx; others divide by min(k, positives)).
// Both averaged over users; users without a positive are left out (ranx counts them as 0).
//
// Ties: the expected value over all orders of tied rows, exactly.
#include "tutti/ensemble/metrics/terms.hpp"

#include <algorithm>

namespace tutti {
namespace {

class ReciprocalRank final : public RankedMetric {
 public:
  explicit ReciprocalRank(const MetricOptions& options) : RankedMetric("mrr", options) {}

 protected:
  [[nodiscard]] double of_user(const UserList& list, int k) const override {
    const auto first = std::find_if(list.groups.begin(), list.groups.end(),
                                    [](const TieGroup& g) { return g.positives > 0; });
    double expected = 0;
    double none_yet = 1;  // chance that no positive lies on the group's places so far
    for (int j = 0; j < first->size && first->before + j < k; ++j) {
      const double here = std::min(1.0, static_cast<double>(first->positives) / (first->size - j));
      expected += none_yet * here / (first->before + j + 1);
      none_yet *= 1 - here;
    }
    return expected;
  }
};

class AveragePrecision final : public RankedMetric {
 public:
  explicit AveragePrecision(const MetricOptions& options) : RankedMetric("map", options) {}

 protected:
  [[nodiscard]] double of_user(const UserList& list, int k) const override {
    double sum = 0;
    int above = 0;  // positives before the group
    for (const TieGroup& g : list.groups) {
      if (g.positives == 0) continue;
      // Given a positive on place j, each of the j places before it holds one of the other
      // positives with this chance.
      const double other = g.size > 1 ? (g.positives - 1.0) / (g.size - 1.0) : 0.0;
      for (int j = 0; j < g.size && g.before + j < k; ++j) {
        const double here = static_cast<double>(g.positives) / g.size;
        sum += here * (above + 1 + j * other) / (g.before + j + 1);
      }
      above += g.positives;
    }
    return sum / list.positives;
  }
};

const bool registered_mrr = MetricRegistry::add(
    "mrr", "reciprocal rank of each user's first positive within k",
    [](const MetricOptions& options) { return std::make_unique<ReciprocalRank>(options); });
const bool registered_map = MetricRegistry::add(
    "map", "average precision of each user's first k rows",
    [](const MetricOptions& options) { return std::make_unique<AveragePrecision>(options); });

}  // namespace
}  // namespace tutti
