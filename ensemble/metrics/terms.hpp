#pragma once

#include "tutti/ensemble/metric.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

// What the metrics share; inside ensemble/metrics only.
namespace tutti {

/// Asserts one length and user ids from 0; throws Error(Data) naming metric and row for a score or
/// label that is not finite. Gives the number of users: the largest id plus one.
std::size_t check_rows(const std::string& metric, std::span<const double> score,
                       std::span<const double> label, std::span<const std::int32_t> user);

/// "/positive=4" for a protocol whose metric asks which labels are relevant; empty for the usual
/// 0.5, by which labels 0 and 1 are told apart.
std::string positive_in_protocol(const MetricOptions& options);

/// The Error(Data) of a row that a metric cannot use.
[[noreturn]] void bad_row(const std::string& metric, std::size_t row, const std::string& what,
                          const std::string& hint);

enum class Finish { Identity, Root };

/// The prepared metric of user terms.
std::unique_ptr<PreparedMetric> prepare_terms(UserTerms terms, Finish finish = Finish::Identity);

/// Mean over rows of of_row(row), summed within a user in row order, then over users by id.
std::unique_ptr<PreparedMetric> prepare_row_mean(std::span<const std::int32_t> user,
                                                 std::size_t users,
                                                 const std::function<double(std::size_t)>& of_row,
                                                 Finish finish = Finish::Identity);

/// Rows of one user with equal scores. All a ranked metric may look at: rows within it have no
/// order, so ties are averaged by formula and never broken by position.
struct TieGroup {
  int before = 0;  ///< rows of the user with a higher score
  int size = 0;
  int positives = 0;
};

/// One user's rows, by falling score.
struct UserList {
  std::span<const TieGroup> groups;
  int rows = 0;
  int positives = 0;
};

/// Mean of of_user(list) over the users for which it is defined, each with the weight that it gives
/// beside its value.
struct UserValue {
  double value = 0;
  double weight = 1;
};
std::unique_ptr<PreparedMetric> prepare_per_user(
    const std::string& metric, std::span<const double> score, std::span<const double> label,
    std::span<const std::int32_t> user, double positive,
    const std::function<std::optional<UserValue>(const UserList&)>& of_user);

/// A metric over each user's first k rows, from a formula over tie groups. Users without a positive
/// are left out: no order of their rows is better than another. Undefined (NaN) if none is left.
class RankedMetric : public Metric {
 public:
  RankedMetric(std::string name, const MetricOptions& options);
  [[nodiscard]] std::unique_ptr<PreparedMetric> prepare(
      std::span<const double> score, std::span<const double> label,
      std::span<const std::int32_t> user) const final;
  [[nodiscard]] Better better() const noexcept final { return Better::Higher; }
  [[nodiscard]] std::string protocol() const final;

 protected:
  /// `list` has at least one positive.
  [[nodiscard]] virtual double of_user(const UserList& list, int k) const = 0;

 private:
  std::string name_;
  MetricOptions options_;
};

}  // namespace tutti
