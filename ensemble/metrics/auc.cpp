// auc: the chance that a positive row scores above a negative one, ties counting one half
// (Mann-Whitney): sum over pairs of w_i w_j ([s_i > s_j] + [s_i = s_j] / 2) / (W+ W-), where w is
// the weight of the row's user. Over all rows, across users. A label of at least `positive` is
// positive.
//
// One class only, or no rows: undefined, NaN (as scikit-learn).
#include "tutti/ensemble/metrics/terms.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace tutti {
namespace {

struct SortedRow {
  std::int32_t user;
  float positive;  // 1 or 0: a factor
  bool last_of_tie;
};

class PreparedAuc final : public PreparedMetric {
 public:
  PreparedAuc(std::vector<SortedRow> rows, std::size_t users)
      : rows_(std::move(rows)), users_(users) {}

  [[nodiscard]] double value(std::span<const double> user_weight) const override {
    TUTTI_ASSERT(user_weight.empty() || user_weight.size() >= users_, "a weight for each user");
    double wins = 0;
    double positives = 0;
    double negatives = 0;  // below the current tie group
    double tied = 0;       // weight of the group's rows so far, of both classes
    double tied_positives = 0;
    for (const SortedRow& row : rows_) {
      // Without a branch on the class: a bootstrap lives in this loop.
      const double w = user_weight.empty() ? 1.0 : user_weight[static_cast<std::size_t>(row.user)];
      tied += w;
      tied_positives += w * row.positive;
      if (row.last_of_tie) {
        const double tied_negatives = tied - tied_positives;
        wins += tied_positives * (negatives + 0.5 * tied_negatives);
        positives += tied_positives;
        negatives += tied_negatives;
        tied = tied_positives = 0;
      }
    }
    return wins / (positives * negatives);  // 0/0: NaN, undefined
  }

 private:
  std::vector<SortedRow> rows_;  // by rising score
  std::size_t users_;
};

class Auc final : public Metric {
 public:
  explicit Auc(const MetricOptions& options) : options_(options) {}

  [[nodiscard]] std::unique_ptr<PreparedMetric> prepare(
      std::span<const double> score, std::span<const double> label,
      std::span<const std::int32_t> user) const override {
    const std::size_t users = check_rows("auc", score, label, user);
    std::vector<std::size_t> order(score.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    // Within a tie by row, so that sums of fractional weights have one order.
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return score[a] != score[b] ? score[a] < score[b] : a < b;
    });
    std::vector<SortedRow> rows;
    rows.reserve(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      const std::size_t row = order[i];
      const bool last = i + 1 == order.size() || score[order[i + 1]] != score[row];
      rows.push_back({user[row], label[row] >= options_.positive ? 1.0F : 0.0F, last});
    }
    return std::make_unique<PreparedAuc>(std::move(rows), users);
  }

  [[nodiscard]] Better better() const noexcept override { return Better::Higher; }
  [[nodiscard]] std::string protocol() const override {
    return "auc/rated/ties=avg/all-rows-" + options_.split + positive_in_protocol(options_);
  }

 private:
  MetricOptions options_;
};

const bool registered = MetricRegistry::add(
    "auc", "area under the ROC curve over all rows",
    [](const MetricOptions& options) { return std::make_unique<Auc>(options); });

}  // namespace
}  // namespace tutti
