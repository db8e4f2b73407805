// user-auc: auc within each user's rows, averaged over users (each user counts once).
// gauc:     the same, each user weighted by the number of its rows (Zhou et al., "Deep Interest
//           Network", KDD 2018, formula 5).
//
// Ties count one half. Users with one class only are left out; no user left: undefined, NaN.
#include "tutti/ensemble/metrics/terms.hpp"

namespace tutti {
namespace {

class UserAuc final : public Metric {
 public:
  UserAuc(std::string name, const MetricOptions& options, bool by_rows)
      : name_(std::move(name)), options_(options), by_rows_(by_rows) {}

  [[nodiscard]] std::unique_ptr<PreparedMetric> prepare(
      std::span<const double> score, std::span<const double> label,
      std::span<const std::int32_t> user) const override {
    return prepare_per_user(
        name_, score, label, user, options_.positive,
        [this](const UserList& list) -> std::optional<UserValue> {
          const double negatives = list.rows - list.positives;
          if (list.positives == 0 || negatives == 0) return std::nullopt;
          double wins = 0;
          double below = negatives;
          for (const TieGroup& g : list.groups) {
            const double tied = g.size - g.positives;
            below -= tied;
            wins += g.positives * (below + 0.5 * tied);
          }
          return UserValue{wins / (list.positives * negatives), by_rows_ ? list.rows : 1.0};
        });
  }

  [[nodiscard]] Better better() const noexcept override { return Better::Higher; }
  [[nodiscard]] std::string protocol() const override {
    return name_ + "/rated/ties=avg/" + (by_rows_ ? "per-user-by-rows-" : "per-user-") +
           options_.split + positive_in_protocol(options_);
  }

 private:
  std::string name_;
  MetricOptions options_;
  bool by_rows_;
};

const bool registered_mean = MetricRegistry::add(
    "user-auc", "auc within each user, averaged over users", [](const MetricOptions& options) {
      return std::make_unique<UserAuc>("user-auc", options, false);
    });
const bool registered_weighted = MetricRegistry::add(
    "gauc", "auc within each user, weighted by the user's rows",
    [](const MetricOptions& options) { return std::make_unique<UserAuc>("gauc", options, true); });

}  // namespace
}  // namespace tutti
