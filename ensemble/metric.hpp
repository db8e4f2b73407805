#pragma once

#include "tutti/data/registry.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace tutti {

enum class Better { Higher, Lower };

struct MetricOptions {
  int k = 10;                  ///< cut-off of the ranked metrics: the 10 of "ndcg@10"
  double positive = 0.5;       ///< a label of at least this is relevant
  std::string split = "time";  ///< how the rows were chosen; only for the protocol's name
};

/// One number that says how good scores are.
///
/// `user_weight` [user] weighs every row of a user; empty means 1 for all. A bootstrap by user is a
/// draw of such weights, a segment or fairness group a 0/1 choice of them. The result is a pure
/// function of the rows: the same bits however many ranks hold them. Throws Error(Data) for NaN
/// scores; edge rules (one class, no positives, ties) are in each metric's file.
class Metric {
 public:
  static constexpr const char* kKind = "metric";
  virtual ~Metric() = default;
  [[nodiscard]] virtual double evaluate(std::span<const double> score,
                                        std::span<const double> label,
                                        std::span<const std::int32_t> user,
                                        std::span<const double> user_weight) const = 0;
  [[nodiscard]] virtual Better better() const noexcept = 0;
  /// The whole protocol, so that unlike numbers are not compared:
  /// "ndcg@10/rated/ties=avg/per-user-time" says metric@k / candidates / ties / averaging and
  /// split.
  [[nodiscard]] virtual std::string protocol() const = 0;
};

using MetricRegistry = Registry<Metric, const MetricOptions&>;

/// "ndcg@10" -> the metric ndcg with k = 10; a name without @ keeps options.k.
std::unique_ptr<Metric> make_metric(const std::string& name, MetricOptions options);

}  // namespace tutti
