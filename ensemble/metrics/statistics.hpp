#pragma once

#include "tutti/ensemble/metric.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace tutti {

struct BootstrapOptions {
  int replicates = 2000;
  double level = 0.95;      ///< of the intervals
  std::uint64_t seed = 0;   ///< the same seed draws the same users
  bool percentile = false;  ///< plain percentile intervals; false: BCa
};

/// A value with a confidence interval; all NaN where the value is undefined.
struct Interval {
  double value = 0;
  double low = 0;
  double high = 0;
};

/// Several systems (or metrics) on the same rows, under the same draws of users.
struct Resampled {
  std::vector<double> value;                   ///< [system] on the rows as they are
  std::vector<std::vector<double>> replicate;  ///< [system][replicate]; NaN where undefined
  std::vector<std::vector<double>> left_out;  ///< [system][group] each group of users left out once
};

/// Bootstrap by user: a replicate draws as many users as there are, with replacement, and weighs a
/// user's rows by how often it was drawn. Rows of a user depend on each other, so users are drawn,
/// not rows. Cost: replicates x (users, or rows for a metric without terms) a system.
/// `user` [row] are the users of the rows that the systems were prepared from.
Resampled resample(std::span<const PreparedMetric* const> systems,
                   std::span<const std::int32_t> user, const BootstrapOptions& options);

/// BCa interval (Efron, "Better bootstrap confidence intervals", JASA 1987): percentiles corrected
/// for bias and skewness, the latter from the jackknife over users (over 200 groups of users where
/// there are more). Percentiles interpolate as numpy's default. Undefined replicates are left out.
Interval interval(const Resampled& resampled, std::size_t system, const BootstrapOptions& options);

/// The same for value a - value b, paired: both under the same draws.
Interval difference(const Resampled& resampled, std::size_t a, std::size_t b,
                    const BootstrapOptions& options);

/// Two-sided p value of "no difference" from the paired draws: twice the smaller share of
/// replicates on either side of 0, never below 1 / (replicates + 1).
double bootstrap_p(const Resampled& resampled, std::size_t a, std::size_t b);

/// Two-sided p value of "no difference" by swapping the systems within random users (sign flips of
/// the users' differences of terms; Fisher's randomisation test): (1 + flips at least as far from
/// 0) / (1 + rounds). For metrics that are means over users; rmse is compared by squared error.
double randomisation_p(const UserTerms& a, const UserTerms& b, int rounds, std::uint64_t seed);

/// Holm's step-down correction: adjusted p values in the order given, for a family of tests.
std::vector<double> holm(std::span<const double> p);

}  // namespace tutti
