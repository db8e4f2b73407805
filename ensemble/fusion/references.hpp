#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tutti {

/// Training rows for a simple reference: columns of one length.
struct ReferenceRows {
  std::span<const std::int32_t> user;
  std::span<const std::int32_t> item;
  std::span<const double> label;  ///< click, rank: 0 or 1; rating: the rating
};

/// What any member must beat: simple predictors fitted on training rows alone.
///
/// popularity  the item's damped mean label: (sum of its labels + d mu) / (count + d), mu the mean
///             label of all rows, d = 10. For click and rank the rate of positives.
/// bias        mu + b_user + b_item, damped means of residuals (as in Koren, "Factor in the
///             neighbors", TKDD 2010, 2.1): b_item first with d = 10, then b_user with d = 10 on
///             what is left, both twice over; for click and rank the sum is cut to [0.001, 0.999].
/// An item or user without training rows has bias 0: the prediction falls back on the rest. No
/// training rows: 0.5, or for ratings 0.
class Reference {
 public:
  /// `name`: one of reference_names(). Throws Error(Config) for another one, Error(Data) for a
  /// label that is not finite.
  Reference(const std::string& name, bool rating, const ReferenceRows& training);
  /// A score a pair; click and rank: in [0, 1]. Columns of one length; ids may be new.
  [[nodiscard]] std::vector<double> score(std::span<const std::int32_t> user,
                                          std::span<const std::int32_t> item) const;

 private:
  double mean_ = 0;
  double low_ = 0;
  double high_ = 0;
  std::vector<double> user_;  ///< bias [user]
  std::vector<double> item_;  ///< bias [item]
};

std::vector<std::string> reference_names();  ///< "popularity", "bias"

}  // namespace tutti
