#pragma once

#include "tutti/ensemble/fusion_rule.hpp"
#include "tutti/ensemble/metric.hpp"

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace tutti {

/// How one rule did on validation users that it was not fitted on.
struct RuleScore {
  std::string rule;
  double mean = std::numeric_limits<double>::quiet_NaN();  ///< of the fold values
  double standard_error = 0;                               ///< of that mean, over folds
  std::vector<double> fold;                                ///< [fold]
  std::vector<double> fused;  ///< [row] each row fused by the fit that had left its user out
  std::string failure;        ///< why the rule cannot be had; empty if it can
};

struct Choice {
  std::string rule;
  std::string protocol;
  int folds = 0;                      ///< 0: too few users for folds
  std::vector<RuleScore> candidates;  ///< in the order given
  std::string reason;                 ///< in plain words
};

struct ChooseOptions {
  int folds = 5;
  std::uint64_t seed = 0;
  /// Take "average", if it is a candidate, when the best mean is no more than one standard error
  /// (of the paired fold differences) better: fitted weights must earn their keep.
  bool prefer_average = false;
};

/// Chooses a rule by cross-validation over users on the validation rows: fit on all folds but one,
/// evaluate on that one, take the best mean (the first of equals). No test row is looked at. A
/// candidate that throws an Error (a fact of a member is missing, the task is not for it) is
/// recorded as failed; throws Error(Config) if none is left, and for an unknown name. With one user
/// the first candidate that can be fitted is taken, and `reason` says so.
Choice choose_rule(const std::vector<std::string>& candidates, const FusionOptions& fusion,
                   const Scores& validation, const Labels& labels, const Metric& metric,
                   const ChooseOptions& options);

/// The fold of every row, 0 .. folds-1, the same for all rows of a user; users are dealt in random
/// order, so that fold sizes in users differ by at most one.
std::vector<int> folds_by_user(std::span<const std::int32_t> user, int folds, std::uint64_t seed);

}  // namespace tutti
