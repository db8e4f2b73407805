#pragma once

#include "tutti/ensemble/fusion_rule.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

// What the rules share; inside ensemble/fusion only.
namespace tutti {

/// Throws Error(Data) naming rule, member and row for a score that is not finite or, for click and
/// rank, not a probability (unless open_scores), and for a missing one unless `missing` are fine.
/// Asserts that the spans fit members x rows.
void check_scores(const std::string& rule, const FusionOptions& options, const Scores& scores,
                  bool missing = false);

/// The name of a member for messages.
std::string member_name(const FusionOptions& options, int member);

/// Throws Error(Config) if the task is rating: `rule` orders rows and predicts no rating.
void refuse_rating(const std::string& rule, const FusionOptions& options);

/// Throws Error(Config) if scores are open: `rule` needs probabilities.
void refuse_open(const std::string& rule, const FusionOptions& options);

/// 1 where a label is relevant, else 0; ratings as they are.
std::vector<double> targets(const FusionOptions& options, const Labels& labels);

/// `raw` made to sum 1, negative values counting 0; all equal if nothing is left.
std::vector<double> normalised(std::vector<double> raw);

/// Validation performance of each member above chance: auc - 1/2 for click and rank (0 where the
/// auc is undefined), 1 / rmse for rating. Higher is better. Over the rows that the member scores.
std::vector<double> performance(const FusionOptions& options, const Scores& scores,
                                const Labels& labels);

/// The checks that every rule makes, and its name; fit and fuse are done by do_fit and do_fuse.
class CheckedRule : public FusionRule {
 public:
  CheckedRule(std::string name, FusionOptions options);
  void fit(const Scores& validation, const Labels& labels) final;
  void fuse(const Scores& in, std::span<double> out) const final;
  /// Can it fuse rows that some members do not score?
  [[nodiscard]] virtual bool takes_missing() const { return false; }

 protected:
  /// Checked scores of at least one member, a label a row.
  virtual void do_fit(const Scores& validation, const Labels& labels) = 0;
  /// Checked scores of members() members; out is 0. Scores above 1 by rounding are cut afterwards.
  virtual void do_fuse(const Scores& in, std::span<double> out) const = 0;
  [[nodiscard]] virtual int members() const = 0;  ///< of the fit; 0 before
  /// Does fit look at labels? If not, it takes Labels of no values.
  [[nodiscard]] virtual bool needs_labels() const { return true; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const FusionOptions& options() const noexcept { return options_; }

 private:
  std::string name_;
  FusionOptions options_;
};

}  // namespace tutti
