#pragma once

#include "tutti/ensemble/fusion_rule.hpp"
#include "tutti/ensemble/metric.hpp"
#include "tutti/ensemble/metrics/statistics.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tutti {

enum class Outcome { Gain, Noise, Loss };
/// "gain" | "noise" | "loss"
std::string_view to_string(Outcome outcome);
/// Gain or loss where the interval of the difference lies on one side of 0; undefined: noise.
Outcome outcome_of(const Interval& difference, Better better);

/// One system against another on the same rows, paired by user.
struct Comparison {
  std::string system;
  std::string baseline;
  Interval difference;  ///< value of system - value of baseline; simultaneous
  double p = 1;         ///< two-sided, Holm-corrected over the comparisons of one verdict
  Outcome outcome = Outcome::Noise;  ///< gain or loss: the interval lies on one side of 0
};

struct Verdict {
  std::string protocol;  ///< of the metric that was judged by
  std::string rule;
  std::string best_member;  ///< chosen on validation
  Comparison against_best;
  Comparison against_equal;
  Comparison equal_against_best;
  /// What is worth keeping: "rule", "average" (equal weights, when the rule is no gain over them)
  /// or "member" (the best one, when neither is a gain over it).
  std::string keep;
  std::string sentence;  ///< the verdict in plain words
};

/// The member of the best metric on validation, the first of equals; undefined values come last.
int best_member(const Metric& metric, const Scores& validation, const Labels& labels);

/// Judges fused scores on test, rows that neither members nor rule have seen: against the best
/// member (`best`, chosen on validation) and against equal weights, each by a paired bootstrap over
/// users. The three intervals of a verdict hold at once with probability options.level (Bonferroni:
/// each is made at 1 - (1 - level) / 3), so three chances do not make a gain of noise. `names`
/// [member]. Throws Error(Data) as the metric does.
Verdict judge(const Metric& metric, const std::string& rule, std::span<const double> fused,
              const Scores& test, const Labels& labels, int best,
              const std::vector<std::string>& names, const BootstrapOptions& options);

/// Throws Error(Data) naming both where two numbers were made by unlike protocols: they must not be
/// compared.
void require_same_protocol(const std::string& a, const std::string& b);

}  // namespace tutti
