#include "tutti/data/csv.hpp"
#include "tutti/data/error.hpp"
#include "tutti/data/number_text.hpp"
#include "tutti/launch/command.hpp"
#include "tutti/launch/fusion_input.hpp"

#include <boost/program_options.hpp>

#include <iostream>

namespace po = boost::program_options;

namespace tutti {
namespace {

// The file again, with a column of fused scores: rows keep their order.
std::string with_fused(const Path& path, const std::vector<double>& fused) {
  CsvFile file(path);
  std::vector<std::string> fields;
  std::string out;
  for (std::size_t line = 0; file.next(fields); ++line) {
    for (const std::string& field : fields) out += csv_quote(field) + ",";
    out += (line == 0 ? std::string("fused") : shortest_text(fused[line - 1])) + "\n";
  }
  return out;
}

class Fuse : public Command {
 public:
  [[nodiscard]] CommandHelp help() const override {
    return {"fuse CONFIG [--output FILE] [--set KEY=VALUE]...",
            "Fuses predictions that come from anywhere: CONFIG has source = \"predictions\" and\n"
            "path = a CSV with the columns user, item, label, one column of scores a member and,\n"
            "optionally, split (validation or test). The rule is chosen and fitted on validation\n"
            "rows and judged on test rows; without a split all rows are validation. Prints the\n"
            "weights and the file with a column `fused`.",
            "  tutti fuse configs/worked-example.toml\n"};
  }

  void options(po::options_description& options,
               po::positional_options_description& positional) const override {
    options.add_options()("config", po::value<std::string>()->required(), "the config (TOML)")(
        "output", po::value<std::string>(), "write the file with fused scores here")(
        "set", po::value<std::vector<std::string>>()->composing(), "override a key");
    positional.add("config", 1);
  }

  int run(const po::variables_map& given) const override {
    const std::string file = given["config"].as<std::string>();
    const Config config =
        load_config(file, given.count("set") != 0 ? given["set"].as<std::vector<std::string>>()
                                                  : std::vector<std::string>());
    if (config.data.source != "predictions") {
      throw Error(Code::Config, file + ": data.source is '" + config.data.source + "'",
                  "tutti fuse needs \"predictions\"; to train members: tutti run");
    }
    const Path path = resolve_path(config.data.path);
    const std::vector<Predictions> members = read_predictions_csv(path);
    check_fusion_leaks(members.front(), path.string());
    std::vector<MemberFacts> facts;
    facts.reserve(members.size());
    for (const Predictions& member : members) facts.push_back({member.member, 0, 0});
    const FusionRows validation(members, &Predictions::validation);
    const FusionRows test(members, &Predictions::test);
    if (validation.scores().rows == 0) {
      throw Error(Code::Data, path.string() + ": no validation rows",
                  "fusion is fitted on them: mark some in the column split");
    }
    std::string table;
    std::vector<double> scores(members.front().validation.size() + members.front().test.size());
    const auto put = [&](const FusionRule& rule, const FusionRows& rows, const PredictionSet& set) {
      if (set.size() == 0) return;
      const std::vector<double> out = fused(rule, rows.scores());
      for (std::size_t i = 0; i < out.size(); ++i) {
        scores[static_cast<std::size_t>(set.row[i])] = out[i];
      }
    };
    const auto rule = fit(config, validation, test, facts, table);
    put(*rule, validation, members.front().validation);
    put(*rule, test, members.front().test);
    const std::vector<double> weights = rule->weights();
    for (std::size_t m = 0; m < weights.size(); ++m) {
      table += "weight of " + members[m].member + ": " + shortest_text(weights[m]) + "\n";
    }
    const std::string text = with_fused(path, scores);
    if (given.count("output") != 0) {
      write_file(given["output"].as<std::string>(), text);
      std::cout << table;
    } else {
      std::cerr << table;
      std::cout << text;
    }
    return 0;
  }

 private:
  // The rule, fitted on validation; `table` gets what is to be said of it.
  static std::unique_ptr<FusionRule> fit(const Config& config, const FusionRows& validation,
                                         const FusionRows& test,
                                         const std::vector<MemberFacts>& facts,
                                         std::string& table) {
    std::string name;
    std::unique_ptr<FusionRule> rule;
    if (test.scores().rows > 0) {
      const AssessInput input = assess_input(config, validation, test, facts);
      Assessment assessment = assess(input);
      assessment.report.title = config.experiment.name;
      table = report_text(assessment.report);
      rule = kept_rule(input, assessment.report.verdict, assessment.rule, name);
    } else {
      const FusionOptions options = fusion_options(config, facts);
      name = config.ensemble.candidates.front();
      if (config.ensemble.candidates.size() > 1) {
        const std::string by = config.ensemble.choose_by.empty()
                                   ? usual_metrics(config.data.task).front()
                                   : config.ensemble.choose_by;
        MetricOptions metric;
        metric.positive = options.positive;
        ChooseOptions choose;
        choose.folds = config.ensemble.folds;
        choose.seed = config.experiment.seed;
        const Choice choice = choose_rule(config.ensemble.candidates, options, validation.scores(),
                                          validation.labels(), *make_metric(by, metric), choose);
        name = choice.rule;
        table = choice.reason + "\n";
      }
      rule = FusionRegistry::make(name, options);
      rule->fit(validation.scores(), validation.labels());
    }
    table += "rule: " + name + "\n";
    return rule;
  }
};

const bool registered = CommandRegistry::add("fuse", "fuse predictions from a CSV file",
                                             [] { return std::make_unique<Fuse>(); });

}  // namespace
}  // namespace tutti
