#pragma once

#include "tutti/ensemble/fusion/judge.hpp"

#include <string>
#include <vector>

namespace tutti {

/// What one member adds to the ensemble.
struct MemberValue {
  std::string member;
  Interval gain;  ///< value with all members - value without this one, on test, paired by user
  Outcome outcome = Outcome::Noise;  ///< gain: it helps; loss: the ensemble is better without it
};

/// The marginal value of every member under a rule: the rule is fitted on validation with all
/// members and again without each one, and both are compared on test. The intervals hold at once
/// (Bonferroni over members). A clone of another member is worth about 0. Fewer than two members:
/// empty. Throws as the rule and the metric do.
std::vector<MemberValue> member_values(const std::string& rule, const FusionOptions& fusion,
                                       const Scores& validation, const Labels& validation_labels,
                                       const Scores& test, const Labels& test_labels,
                                       const Metric& metric, const BootstrapOptions& options);

}  // namespace tutti
