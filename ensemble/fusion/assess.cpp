#include "tutti/ensemble/fusion/assess.hpp"

#include <algorithm>
#include <utility>

namespace tutti {

namespace {

// A system as it is measured: its scores of both parts.
struct Measured {
  SystemResult result;
  std::vector<double> validation;
  std::vector<double> test;
};

using Metrics = std::vector<std::unique_ptr<Metric>>;

std::vector<double> copy(std::span<const double> values) { return {values.begin(), values.end()}; }

// Intervals of all systems and metrics under the same draws.
void measure(std::vector<Measured>& systems, const Metrics& metrics, const AssessInput& input,
             bool test) {
  const Scores& part = test ? input.test : input.validation;
  const Labels& labels = test ? input.test_labels : input.validation_labels;
  std::vector<std::unique_ptr<PreparedMetric>> prepared;
  std::vector<const PreparedMetric*> views;
  for (const Measured& system : systems) {
    for (const auto& metric : metrics) {
      prepared.push_back(
          metric->prepare(test ? system.test : system.validation, labels.value, part.user));
      views.push_back(prepared.back().get());
    }
  }
  const Resampled resampled = resample(views, part.user, input.bootstrap);
  std::size_t at = 0;
  for (Measured& system : systems) {
    for (std::size_t k = 0; k < metrics.size(); ++k, ++at) {
      (test ? system.result.test : system.result.validation)
          .push_back(interval(resampled, at, input.bootstrap));
    }
  }
}

Measured measured(const std::string& name, const std::string& kind, std::vector<double> validation,
                  std::vector<double> test) {
  Measured out;
  out.result.name = name;
  out.result.kind = kind;
  out.validation = std::move(validation);
  out.test = std::move(test);
  return out;
}

void check(const AssessInput& input) {
  TUTTI_ASSERT(input.validation.members == input.test.members &&
                   input.fusion.members.size() == static_cast<std::size_t>(input.test.members),
               "the same members on both parts, and the facts of each");
  if (input.test.rows == 0) {
    throw Error(Code::Data, "no test rows to judge the ensemble on", "make the test part larger");
  }
  for (const NamedScores& r : input.references) {
    TUTTI_ASSERT(r.validation.size() == static_cast<std::size_t>(input.validation.rows) &&
                     r.test.size() == static_cast<std::size_t>(input.test.rows),
                 "a reference scores every row");
  }
}

}  // namespace

std::vector<std::string> usual_metrics(const std::string& task) {
  if (task == "rating") return {"rmse", "mae", "ndcg@10"};
  if (task == "rank") return {"ndcg@10", "hit@10", "mrr@10", "recall@10", "auc"};
  return {"auc", "log-loss", "ndcg@10", "user-auc"};
}

Assessment assess(const AssessInput& input) {
  check(input);
  std::vector<std::string> names =
      input.metrics.empty() ? usual_metrics(input.fusion.task) : input.metrics;
  const std::string choose_by = input.choose_by.empty() ? names.front() : input.choose_by;
  if (std::find(names.begin(), names.end(), choose_by) == names.end()) {
    names.insert(names.begin(), choose_by);
  }
  MetricOptions metric_options;
  metric_options.positive = input.fusion.positive;
  metric_options.split = input.split;
  Assessment out;
  ReportData& report = out.report;
  Metrics metrics;
  for (const std::string& name : names) {
    metrics.push_back(make_metric(name, metric_options));
    report.metrics.push_back(metrics.back()->protocol());
    report.better.push_back(metrics.back()->better());
  }
  report.task = input.fusion.task;
  report.level = input.bootstrap.level;
  report.judged_by =
      static_cast<std::size_t>(std::find(names.begin(), names.end(), choose_by) - names.begin());
  const Metric& by = *metrics[report.judged_by];
  for (const MemberFacts& m : input.fusion.members) report.members.push_back(m.name);

  const int best = best_member(by, input.validation, input.validation_labels);
  std::vector<Measured> systems;
  for (int m = 0; m < input.test.members; ++m) {
    systems.push_back(measured(report.members[static_cast<std::size_t>(m)], "member",
                               copy(input.validation.member(m)), copy(input.test.member(m))));
    systems.back().result.marked = m == best;
  }
  for (const NamedScores& r : input.references) {
    systems.push_back(measured(r.name, "reference", r.validation, r.test));
  }

  report.choice = choose_rule(input.candidates, input.fusion, input.validation,
                              input.validation_labels, by, input.choose);
  out.rule = report.choice.rule;
  for (RuleScore& candidate : report.choice.candidates) {
    if (!candidate.failure.empty()) continue;
    auto rule = make_rule(candidate.rule, input.fusion);
    rule->fit(input.validation, input.validation_labels);
    std::vector<double> test(static_cast<std::size_t>(input.test.rows));
    rule->fuse(input.test, test);
    // Without folds there is no honest validation score: show that of the fit, the page says so.
    std::vector<double> validation = std::move(candidate.fused);
    candidate.fused.clear();
    if (report.choice.folds == 0) rule->fuse(input.validation, validation);
    systems.push_back(measured(candidate.rule, "rule", std::move(validation), std::move(test)));
    systems.back().result.weights = rule->weights();
    if (candidate.rule != out.rule) continue;
    systems.back().result.marked = true;
    out.fused_test = systems.back().test;
    out.fitted = std::move(rule);
  }

  measure(systems, metrics, input, false);
  measure(systems, metrics, input, true);
  report.verdict = judge(by, out.rule, out.fused_test, input.test, input.test_labels, best,
                         report.members, input.bootstrap);
  report.member_values =
      member_values(out.rule, input.fusion, input.validation, input.validation_labels, input.test,
                    input.test_labels, by, input.bootstrap);
  report.diversity = member_diversity(input.test, input.test_labels, input.fusion);
  for (Measured& system : systems) report.systems.push_back(std::move(system.result));
  return out;
}

}  // namespace tutti
