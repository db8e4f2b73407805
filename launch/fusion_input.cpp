#include "tutti/launch/fusion_input.hpp"

#include "tutti/data/error.hpp"
#include "tutti/ensemble/fusion/rule_state.hpp"

#include <set>
#include <utility>

namespace tutti {

FusionRows::FusionRows(const std::vector<Predictions>& members, PredictionSet Predictions::*part) {
  const PredictionSet& first = members.front().*part;
  for (const Predictions& member : members) {
    const PredictionSet& set = member.*part;
    if (set.row != first.row || set.user != first.user || set.item != first.item ||
        set.label != first.label) {
      throw Error(Code::Data,
                  "members '" + members.front().member + "' and '" + member.member +
                      "' do not score the same rows",
                  "take the predictions of one run");
    }
    values_.insert(values_.end(), set.score.begin(), set.score.end());
  }
  scores_.values = values_;
  scores_.user = first.user;
  scores_.members = static_cast<int>(members.size());
  scores_.rows = static_cast<std::int64_t>(first.size());
  labels_.value = first.label;
}

void check_fusion_leaks(const Store& store, const std::vector<Predictions>& members) {
  const auto check = [&](const Predictions& member, const PredictionSet& set, Part part,
                         const char* name) {
    for (const Row row : set.row) {
      const bool known = row >= 0 && static_cast<std::size_t>(row) < store.parts().size();
      if (known && store.parts()[static_cast<std::size_t>(row)] == part) continue;
      throw Error(Code::Data,
                  "leak guard: row " + std::to_string(row) + " is among the " + name +
                      " predictions of member '" + member.member + "' and is no " + name +
                      " row of the store",
                  "score the members again: tutti run with --fresh");
    }
  };
  for (const Predictions& member : members) {
    check(member, member.validation, Part::Validation, "validation");
    check(member, member.test, Part::Test, "test");
  }
}

void check_fusion_leaks(const Predictions& rows, const std::string& source) {
  std::set<std::pair<std::int32_t, std::int32_t>> fitted;
  const PredictionSet& validation = rows.validation;
  for (std::size_t i = 0; i < validation.size(); ++i) {
    fitted.emplace(validation.user[i], validation.item[i]);
  }
  for (std::size_t i = 0; i < rows.test.size(); ++i) {
    if (fitted.count({rows.test.user[i], rows.test.item[i]}) == 0) continue;
    throw Error(Code::Data,
                "leak guard: " + source + ": data row " + std::to_string(rows.test.row[i] + 1) +
                    " is a test row, and a validation row has the same user and item",
                "a pair belongs to one split");
  }
}

FusionOptions fusion_options(const Config& config, std::vector<MemberFacts> facts) {
  FusionOptions options;
  options.task = config.data.task;
  options.members = std::move(facts);
  options.threshold = config.ensemble.threshold;
  options.top_k = config.ensemble.top_k;
  options.rrf_k = config.ensemble.rrf_k;
  options.power = config.ensemble.power;
  options.trim = config.ensemble.trim;
  options.temperature = config.ensemble.temperature;
  options.penalty = config.ensemble.penalty;
  if (config.data.task == "rating") options.positive = config.data.positive;
  return options;
}

std::vector<std::string> fusion_candidates(const Config& config) {
  std::vector<std::string> out = config.ensemble.candidates;
  if (config.ensemble.normalise.empty()) return out;
  for (std::string& name : out) {
    if (name.find('+') == std::string::npos) name = config.ensemble.normalise + "+" + name;
  }
  return out;
}

ChooseOptions choose_options(const Config& config) {
  ChooseOptions options;
  options.folds = config.ensemble.folds;
  options.seed = config.experiment.seed;
  return options;
}

AssessInput assess_input(const Config& config, const FusionRows& validation, const FusionRows& test,
                         std::vector<MemberFacts> facts) {
  AssessInput input;
  input.validation = validation.scores();
  input.validation_labels = validation.labels();
  input.test = test.scores();
  input.test_labels = test.labels();
  input.fusion = fusion_options(config, std::move(facts));
  input.candidates = fusion_candidates(config);
  input.choose_by = config.ensemble.choose_by;
  input.metrics = config.ensemble.metrics;
  input.split = config.data.split.by;
  input.choose = choose_options(config);
  input.bootstrap.replicates = config.ensemble.bootstrap;
  input.bootstrap.seed = config.experiment.seed;
  return input;
}

std::unique_ptr<FusionRule> kept_rule(const AssessInput& input, const Verdict& verdict,
                                      const std::string& chosen, std::string& name) {
  name = verdict.keep == "average" ? "average" : verdict.keep == "member" ? "best" : chosen;
  auto rule = make_rule(name, input.fusion);
  if (verdict.keep == "member") {
    // The member of the verdict: rule "best" itself picks by AUC or RMSE, the verdict by choose_by.
    std::vector<double> weights;
    for (const MemberFacts& member : input.fusion.members) {
      weights.push_back(member.name == verdict.best_member ? 1.0 : 0.0);
    }
    rule->restore(write_rule_state(name, {{"weights", {weights}}}));
  } else {
    rule->fit(input.validation, input.validation_labels);
  }
  return rule;
}

std::vector<double> fused(const FusionRule& rule, const Scores& scores) {
  std::vector<double> out(static_cast<std::size_t>(scores.rows));
  rule.fuse(scores, out);
  return out;
}

}  // namespace tutti
