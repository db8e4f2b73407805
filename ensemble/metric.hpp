#pragma once

#include "tutti/data/registry.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tutti {

enum class Better { Higher, Lower };

struct MetricOptions {
  int k = 10;                  ///< cut-off of the ranked metrics: the 10 of "ndcg@10"
  double positive = 0.5;       ///< a label of at least this is relevant
  std::string split = "time";  ///< how the rows were chosen; only for the protocol's name
};

/// A metric that is a weighted mean: value = f(sum_u w_u sum[u] / sum_u w_u weight[u]), f
/// increasing (the identity, or the root for rmse). Both are indexed by user.
struct UserTerms {
  std::vector<double> sum;
  std::vector<double> weight;
};

/// A metric with its rows checked, sorted and grouped once, to be read for many choices of user
/// weights. Holds no reference to what it was made from. Thread-safe.
class PreparedMetric {
 public:
  virtual ~PreparedMetric() = default;
  /// `user_weight` [user] weighs every row of a user; empty means 1 for all. Cost O(users) with
  /// terms(), else O(rows). NaN where the metric is undefined (one class, no positives, no weight).
  [[nodiscard]] virtual double value(std::span<const double> user_weight) const = 0;
  /// nullptr for a metric that is no mean over users (auc).
  [[nodiscard]] virtual const UserTerms* terms() const noexcept { return nullptr; }
};

/// One number that says how good scores are.
///
/// A bootstrap by user is a draw of user weights, a segment or fairness group a 0/1 choice of them.
/// The result is a pure function of the rows: the same bits however many ranks hold them. Edge
/// rules (one class, no positives, ties) are in each metric's file.
class Metric {
 public:
  static constexpr const char* kKind = "metric";
  virtual ~Metric() = default;
  /// Three arrays [row] of one length; user ids count from 0. Throws Error(Data) naming the row for
  /// a score or label that is not finite or is outside the metric's domain.
  [[nodiscard]] virtual std::unique_ptr<PreparedMetric> prepare(
      std::span<const double> score, std::span<const double> label,
      std::span<const std::int32_t> user) const = 0;
  [[nodiscard]] virtual Better better() const noexcept = 0;
  /// The whole protocol, so that unlike numbers are not compared:
  /// "ndcg@10/rated/ties=avg/per-user-time" says metric@k / candidates / ties / averaging and
  /// split.
  [[nodiscard]] virtual std::string protocol() const = 0;

  /// prepare(...)->value(user_weight).
  [[nodiscard]] double evaluate(std::span<const double> score, std::span<const double> label,
                                std::span<const std::int32_t> user,
                                std::span<const double> user_weight = {}) const;
};

using MetricRegistry = Registry<Metric, const MetricOptions&>;

/// "ndcg@10" -> the metric ndcg with k = 10; a name without @ keeps options.k. Throws Error(Config)
/// for an unknown name (naming the nearest), a bad cut-off, or a cut-off on a metric without one.
std::unique_ptr<Metric> make_metric(const std::string& name, MetricOptions options);

}  // namespace tutti
