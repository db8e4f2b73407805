#pragma once

#include "tutti/data/predictions.hpp"
#include "tutti/data/store.hpp"
#include "tutti/ensemble/fusion/assess.hpp"
#include "tutti/launch/config.hpp"

#include <memory>
#include <string>
#include <vector>

namespace tutti {

/// Members' predictions in the shape that fusion takes, checked to be of the same rows. Owns what
/// the spans of `scores` and `labels` look at; `members` must outlive it.
class FusionRows {
 public:
  /// Throws Error(Data) naming the two members whose rows differ.
  FusionRows(const std::vector<Predictions>& members, PredictionSet Predictions::*part);
  FusionRows(const FusionRows&) = delete;
  FusionRows& operator=(const FusionRows&) = delete;

  [[nodiscard]] const Scores& scores() const noexcept { return scores_; }
  [[nodiscard]] const Labels& labels() const noexcept { return labels_; }

 private:
  std::vector<double> values_;
  Scores scores_;
  Labels labels_;
};

/// The leak guard of fusion: weights are fitted on validation rows of the store and judged on test
/// rows, and on no others. Throws Error(Data) naming row and member.
void check_fusion_leaks(const Store& store, const std::vector<Predictions>& members);
/// The same for predictions that come from `source`, without a store: no user and item pair may be
/// in both parts. Throws Error(Data) naming the row, from 1.
void check_fusion_leaks(const Predictions& rows, const std::string& source);

/// What a rule is made from.
FusionOptions fusion_options(const Config& config, std::vector<MemberFacts> facts);

/// The candidates, each behind the config's normaliser unless it names its own.
std::vector<std::string> fusion_candidates(const Config& config);

/// How the config chooses among them.
ChooseOptions choose_options(const Config& config);

/// What the config asks of the assessment, for these rows.
AssessInput assess_input(const Config& config, const FusionRows& validation, const FusionRows& test,
                         std::vector<MemberFacts> facts);

/// The rule that is worth keeping (Verdict::keep), fitted on validation: the chosen one, equal
/// weights or the best member alone. `name` is set to it.
std::unique_ptr<FusionRule> kept_rule(const AssessInput& input, const Verdict& verdict,
                                      const std::string& chosen, std::string& name);

/// [row]
std::vector<double> fused(const FusionRule& rule, const Scores& scores);

}  // namespace tutti
