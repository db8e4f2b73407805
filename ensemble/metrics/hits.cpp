// hit@k, recall@k, precision@k: over each user's first k rows, averaged over users.
//   hit@k        1 if a positive is among them
//   recall@k     positives among them / positives of the user
//   precision@k  positives among them / k, also where the list is shorter than k (as ranx)
//
// Ties: the expected value over all orders of tied rows, exactly (hypergeometric at the edge of the
// list). Users without a positive are left out (ranx counts them as 0).
#include "tutti/ensemble/metrics/terms.hpp"

#include <algorithm>

namespace tutti {
namespace {

double expected_hits(const UserList& list, int k) {
  double hits = 0;
  for (const TieGroup& g : list.groups) {
    const int places = std::min(g.size, k - g.before);
    if (places <= 0) break;
    hits += static_cast<double>(places) * g.positives / g.size;
  }
  return hits;
}

// The chance that `places` rows drawn from the group hold no positive.
double chance_of_none(const TieGroup& g, int places) {
  double chance = 1;
  for (int j = 0; j < places; ++j) {
    chance *= static_cast<double>(std::max(0, g.size - g.positives - j)) / (g.size - j);
  }
  return chance;
}

class Hit final : public RankedMetric {
 public:
  explicit Hit(const MetricOptions& options) : RankedMetric("hit", options) {}

 protected:
  [[nodiscard]] double of_user(const UserList& list, int k) const override {
    double none = 1;
    for (const TieGroup& g : list.groups) {
      const int places = std::min(g.size, k - g.before);
      if (places <= 0) break;
      none *= chance_of_none(g, places);
    }
    return 1 - none;
  }
};

class Recall final : public RankedMetric {
 public:
  explicit Recall(const MetricOptions& options) : RankedMetric("recall", options) {}

 protected:
  [[nodiscard]] double of_user(const UserList& list, int k) const override {
    return expected_hits(list, k) / list.positives;
  }
};

class Precision final : public RankedMetric {
 public:
  explicit Precision(const MetricOptions& options) : RankedMetric("precision", options) {}

 protected:
  [[nodiscard]] double of_user(const UserList& list, int k) const override {
    return expected_hits(list, k) / k;
  }
};

const bool registered_hit = MetricRegistry::add(
    "hit", "share of users with a positive among their first k rows",
    [](const MetricOptions& options) { return std::make_unique<Hit>(options); });
const bool registered_recall = MetricRegistry::add(
    "recall", "share of a user's positives among the first k rows",
    [](const MetricOptions& options) { return std::make_unique<Recall>(options); });
const bool registered_precision = MetricRegistry::add(
    "precision", "share of positives among each user's first k rows",
    [](const MetricOptions& options) { return std::make_unique<Precision>(options); });

}  // namespace
}  // namespace tutti
