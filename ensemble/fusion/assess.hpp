#pragma once

#include "tutti/ensemble/fusion/choose.hpp"
#include "tutti/ensemble/fusion/report.hpp"

#include <memory>
#include <string>
#include <vector>

namespace tutti {

/// Scores of a simple reference (references.hpp) or of any other system, on the same rows.
struct NamedScores {
  std::string name;
  std::vector<double> validation;
  std::vector<double> test;
};

struct AssessInput {
  Scores validation;
  Labels validation_labels;
  Scores test;  ///< the same members in the same order
  Labels test_labels;
  FusionOptions fusion;  ///< task, `positive` and the facts (and names) of all members
  std::vector<NamedScores> references;
  std::vector<std::string> candidates;  ///< fusion rules
  std::string choose_by;                ///< metric; empty: the first of `metrics`
  std::vector<std::string> metrics;     ///< empty: the usual ones of the task
  std::string split = "time";           ///< for the protocols' names
  ChooseOptions choose;
  BootstrapOptions bootstrap;
};

struct Assessment {
  std::string rule;                    ///< the chosen one
  std::unique_ptr<FusionRule> fitted;  ///< on all of validation
  std::vector<double> fused_test;      ///< [row] by the chosen rule
  ReportData report;                   ///< title, facts and failed are left to the caller
};

/// From members' scores to the report: chooses a rule by cross-validation over users on validation,
/// fits every candidate on validation, evaluates members, references and rules on both parts with
/// intervals, and judges the chosen rule on test. A pure function: the same bits on any rank.
/// Throws Error(Config) for unknown rules and metrics, Error(Data) for bad scores.
Assessment assess(const AssessInput& input);

/// click: auc, log-loss, ndcg@10, user-auc; rank: ndcg@10, hit@10, mrr@10, recall@10, auc;
/// rating: rmse, mae, ndcg@10.
std::vector<std::string> usual_metrics(const std::string& task);

}  // namespace tutti
