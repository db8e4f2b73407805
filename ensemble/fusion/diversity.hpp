#pragma once

#include "tutti/ensemble/fusion_rule.hpp"

#include <vector>

namespace tutti {

/// How unlike two members are on the same rows. A pair that never errs apart cannot help by fusion.
struct PairDiversity {
  int a = 0;
  int b = 0;
  /// Pearson correlation of score - label; NaN where a member's errors are constant.
  double error_correlation = 0;
  /// Share of rows where exactly one of the two decides right (Kuncheva and Whitaker, "Measures of
  /// diversity in classifier ensembles", Machine Learning 2003).
  double disagreement = 0;
  /// Yule's Q of being right: (n11 n00 - n01 n10) / (n11 n00 + n01 n10), same source; 1: right on
  /// the same rows, 0: independent, -1: right on different rows; NaN for 0 / 0.
  double q = 0;
};

/// All pairs a < b, in order. Click and rank: a decision is score >= threshold, right if it equals
/// label >= positive; rating: right if |score - label| <= 1/2.
std::vector<PairDiversity> member_diversity(const Scores& scores, const Labels& labels,
                                            const FusionOptions& options);

}  // namespace tutti
