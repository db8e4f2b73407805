#include "tutti/launch/ensemble_stage.hpp"

#include "tutti/data/predictions.hpp"
#include "tutti/data/store.hpp"
#include "tutti/ensemble/bundle.hpp"
#include "tutti/ensemble/fusion/references.hpp"
#include "tutti/ensemble/fusion/report.hpp"
#include "tutti/launch/fusion_input.hpp"
#include "tutti/launch/member_run.hpp"
#include "tutti/launch/version.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace tutti {

namespace {

// What simple predictors say, fitted on all training rows.
std::vector<NamedScores> references(const Store& store, const Predictions& rows) {
  std::vector<std::int32_t> user;
  std::vector<std::int32_t> item;
  std::vector<double> label;
  const Interactions& all = store.interactions();
  for (const Row r : store.rows(Part::Train)) {
    const auto row = static_cast<std::size_t>(r);
    user.push_back(all.user[row]);
    item.push_back(all.item[row]);
    label.push_back(store.labels()[row]);
  }
  std::vector<NamedScores> out;
  for (const std::string& name : reference_names()) {
    const Reference reference(name, store.task() == "rating", {user, item, label});
    out.push_back({name, reference.score(rows.validation.user, rows.validation.item),
                   reference.score(rows.test.user, rows.test.item)});
  }
  return out;
}

// The fused scores of the members' rows, in the form of a member's predictions.
Predictions fused_predictions(Predictions rows, const std::string& rule,
                              std::vector<double> validation, std::vector<double> test) {
  rows.member = rule;
  rows.head = "fusion";
  for (PredictionSet* set : {&rows.validation, &rows.test}) {
    set->outputs = 1;
    set->logits.clear();
  }
  rows.validation.score = std::move(validation);
  rows.test.score = std::move(test);
  return rows;
}

// The metrics of what is kept, on test, for bundle.json.
std::string bundle_metrics(const AssessInput& input, const FusionRule& rule) {
  const std::vector<double> score = fused(rule, input.test);
  nlohmann::ordered_json out = nlohmann::ordered_json::object();
  for (const std::string& name :
       input.metrics.empty() ? usual_metrics(input.fusion.task) : input.metrics) {
    MetricOptions options;
    options.positive = input.fusion.positive;
    options.split = input.split;
    const auto metric = make_metric(name, options);
    const auto prepared = metric->prepare(score, input.test_labels.value, input.test.user);
    const PreparedMetric* systems[] = {prepared.get()};
    const Interval value =
        interval(resample(systems, input.test.user, input.bootstrap), 0, input.bootstrap);
    out[metric->protocol()] = {{"value", value.value}, {"low", value.low}, {"high", value.high}};
  }
  return out.dump();
}

BundleInfo bundle_info(const Config& config, const RunRecord& record,
                       const std::vector<Done>& members) {
  BundleInfo info;
  info.name = config.experiment.name;
  info.task = config.data.task;
  for (const Done& done : members) {
    const MemberConfig& member = config.members[static_cast<std::size_t>(done.member)];
    BundleMember one;
    one.name = member.name;
    one.kind = member.kind;
    one.head = member.head;
    one.head_options = head_options(config, member);
    one.max_length = member.train.max_length;
    one.bf16 = member.score_precision == "bf16";
    one.parameters = done.parameters;
    one.layers = done.layers;
    one.data = member.data;
    info.members.push_back(std::move(one));
  }
  info.threshold = config.ensemble.threshold;
  info.top_k = config.ensemble.top_k;
  info.provenance = {{"config_sha256", record.config_sha256},
                     {"data_fingerprint", record.fingerprint},
                     {"tutti", tutti_version()},
                     {"torch", torch_version()},
                     {"build", build_description()},
                     {"seed", std::to_string(config.experiment.seed)}};
  return info;
}

std::vector<std::pair<std::string, std::string>> facts_of_run(const Config& config,
                                                              const RunRecord& record,
                                                              const Store& store) {
  const auto rows = [&](Part part) { return std::to_string(store.rows(part).size()); };
  return {{"data", config.data.source + ", " + cleaning_text(record.cleaning)},
          {"split", config.data.split.by + ": " + rows(Part::Train) + " training, " +
                        rows(Part::Validation) + " validation, " + rows(Part::Test) + " test rows"},
          {"task", config.data.task},
          {"seed", std::to_string(config.experiment.seed)},
          {"config", "SHA-256 " + record.config_sha256},
          {"data fingerprint", record.fingerprint},
          {"tutti", tutti_version() + ", LibTorch " + torch_version()}};
}

}  // namespace

EnsembleResult run_ensemble_stage(const Config& config, const RunRecord& record, const Store& store,
                                  const Path& run_folder) {
  std::vector<Predictions> predictions;
  std::vector<MemberFacts> facts;
  std::vector<Done> trained;
  for (const Done& done : record.members) {
    if (!done.trained) continue;
    const std::string& name = config.members[static_cast<std::size_t>(done.member)].name;
    predictions.push_back(read_predictions(run_folder / "members" / name / "predictions.h5"));
    facts.push_back({name, done.parameters, done.layers});
    trained.push_back(done);
  }
  check_fusion_leaks(store, predictions);
  const FusionRows validation(predictions, &Predictions::validation);
  const FusionRows test(predictions, &Predictions::test);
  AssessInput input = assess_input(config, validation, test, facts);
  input.references = references(store, predictions.front());
  Assessment assessment = assess(input);
  ReportData& report = assessment.report;
  report.title = config.experiment.name;
  report.facts = facts_of_run(config, record, store);
  for (const Done& done : record.members) {
    if (done.trained) continue;
    report.failed.emplace_back(config.members[static_cast<std::size_t>(done.member)].name,
                               done.reason);
  }

  BundleInfo info = bundle_info(config, record, trained);
  const auto rule = kept_rule(input, report.verdict, assessment.rule, info.rule);
  info.rule_state = rule->state();
  info.weights = rule->weights();
  info.metrics = bundle_metrics(input, *rule);

  make_folder(run_folder / "ensemble");
  write_predictions(run_folder / "ensemble" / "fused.h5",
                    fused_predictions(predictions.front(), info.rule,
                                      fused(*rule, input.validation), fused(*rule, input.test)));
  write_file(run_folder / "ensemble" / "metrics.json", report_json(report));
  write_file(run_folder / "report.md", report_markdown(report));
  write_file(run_folder / "report.html", report_html(report));
  Bundle::save(info, {run_folder / "members", run_folder / "dataset.h5"}, run_folder / "bundle");
  return {report_text(report) + "kept in the bundle: " + info.rule + "\n"};
}

}  // namespace tutti
