#include "tutti/data/csv.hpp"
#include "tutti/data/error.hpp"
#include "tutti/data/number_text.hpp"
#include "tutti/data/predictions_trec.hpp"
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

std::string stem(const Path& file) { return file.stem().string(); }

// Whose predictions, and in what shape.
enum class Shape { Csv, Hdf5, Trec };

Shape shape_of(const std::vector<std::string>& files) {
  const auto of = [](const Path& file) {
    if (file.extension() == ".csv") return Shape::Csv;
    return file.extension() == ".h5" ? Shape::Hdf5 : Shape::Trec;
  };
  const Shape first = of(files.front());
  for (const std::string& file : files) {
    if (of(file) == first) continue;
    throw Error(Code::Usage, "--predictions " + files.front() + " and " + file +
                                 " are of unlike kinds: CSV, HDF5 or TREC runs");
  }
  if (first == Shape::Csv && files.size() > 1) {
    throw Error(Code::Usage, "--predictions: one CSV file holds all members, a column each",
                "join the files");
  }
  return first;
}

std::vector<Predictions> read_members(const std::vector<std::string>& files, Shape shape) {
  if (shape == Shape::Csv) return read_predictions_csv(files.front());
  std::vector<Predictions> out;
  for (const std::string& file : files) {
    out.push_back(read_predictions(file));
    // A run's members all have a predictions.h5: the folder is the name.
    const Path parent = Path(file).parent_path().filename();
    out.back().member =
        stem(file) == "predictions" && !parent.empty() ? parent.string() : stem(file);
  }
  return out;
}

// The fused scores of predictions that are no CSV file.
std::string fused_table(const Predictions& rows, const std::vector<double>& validation,
                        const std::vector<double>& test) {
  std::string out = "row,user,item,label,split,fused\n";
  const auto put = [&](const PredictionSet& set, const std::vector<double>& fused,
                       const char* split) {
    for (std::size_t i = 0; i < set.size(); ++i) {
      out += std::to_string(set.row[i]) + "," + std::to_string(set.user[i]) + "," +
             std::to_string(set.item[i]) + "," + shortest_text(set.label[i]) + "," + split + "," +
             shortest_text(fused[i]) + "\n";
    }
  };
  put(rows.validation, validation, "validation");
  put(rows.test, test, "test");
  return out;
}

class Fuse : public Command {
 public:
  [[nodiscard]] CommandHelp help() const override {
    return {
        "fuse CONFIG | --predictions FILE... [options]",
        "Fuses predictions that come from anywhere: a CSV with the columns user, item, label,\n"
        "one column of scores a member and, optionally, split (validation or test); the\n"
        "predictions.h5 of a run's members; or runs in the format of TREC (any other ending),\n"
        "with their judgements in --labels. The rule is chosen and fitted on validation rows\n"
        "and judged on test rows; without a split all rows are validation. Prints the weights,\n"
        "and the rows with their fused scores. With a CONFIG (source = \"predictions\") its\n"
        "keys say what the options say.",
        "  tutti fuse configs/worked-example.toml\n"
        "  tutti fuse --predictions scores.csv --rule learned --rule greedy\n"
        "  tutti fuse --predictions a.run b.run --rule rrf --output fused.run\n"
        "  tutti fuse --predictions a.run b.run --labels qrels.txt --rule min-max+comb-sum\n"};
  }

  void options(po::options_description& options,
               po::positional_options_description& positional) const override {
    options.add_options()("config", po::value<std::string>(), "the config (TOML)")(
        "predictions", po::value<std::vector<std::string>>()->multitoken()->composing(),
        "one CSV file, predictions.h5 files, or TREC runs")("labels", po::value<std::string>(),
                                                            "judgements of TREC runs (qrels)")(
        "rule", po::value<std::vector<std::string>>()->composing(),
        "fusion rule; more than one: the best by cross-validation")(
        "normalise", po::value<std::string>(), "normaliser before every rule that names none")(
        "output", po::value<std::string>(), "write the rows with fused scores here")(
        "set", po::value<std::vector<std::string>>()->composing(), "override a key of the config");
    positional.add("config", 1);
  }

  int run(const po::variables_map& given) const override {
    const bool loose = given.count("predictions") != 0;
    if (loose == (given.count("config") != 0)) {
      throw Error(Code::Usage, "tutti fuse needs a CONFIG or --predictions, and not both",
                  "see tutti fuse --help");
    }
    std::vector<std::string> files;
    Config config = loose ? loose_config(given, files) : configured(given, files);
    const Shape shape = shape_of(files);
    if (given.count("labels") != 0 && shape != Shape::Trec) {
      throw Error(Code::Usage, "--labels is for TREC runs: these files hold their labels");
    }
    std::string table;
    std::string text;
    if (shape == Shape::Trec) {
      const Path qrels = given.count("labels") != 0 ? given["labels"].as<std::string>() : "";
      text = fuse_runs(config, {files.begin(), files.end()}, qrels, table);
    } else {
      text = fuse_rows(config, files, shape, table);
    }
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
  static Config configured(const po::variables_map& given, std::vector<std::string>& files) {
    for (const char* only_loose : {"labels", "rule", "normalise"}) {
      if (given.count(only_loose) == 0) continue;
      throw Error(Code::Usage, std::string("--") + only_loose + " goes with --predictions",
                  "with a config: --set ensemble.candidates=... , ensemble.normalise=...");
    }
    const std::string file = given["config"].as<std::string>();
    Config config =
        load_config(file, given.count("set") != 0 ? given["set"].as<std::vector<std::string>>()
                                                  : std::vector<std::string>());
    if (config.data.source != "predictions") {
      throw Error(Code::Config, file + ": data.source is '" + config.data.source + "'",
                  "tutti fuse needs \"predictions\"; to train members: tutti run");
    }
    files = {resolve_path(config.data.path).string()};
    if (shape_of(files) != Shape::Csv) {
      throw Error(Code::Config, file + ": data.path is no .csv file",
                  "give other files with --predictions");
    }
    return config;
  }

  static Config loose_config(const po::variables_map& given, std::vector<std::string>& files) {
    if (given.count("set") != 0) throw Error(Code::Usage, "--set goes with a CONFIG");
    files = given["predictions"].as<std::vector<std::string>>();
    Config config;
    config.experiment.name = "fusion of " + stem(files.front());
    config.ensemble.candidates = {shape_of(files) == Shape::Trec ? "rrf" : "learned"};
    if (given.count("rule") != 0) {
      config.ensemble.candidates = given["rule"].as<std::vector<std::string>>();
    }
    if (given.count("normalise") != 0) {
      config.ensemble.normalise = given["normalise"].as<std::string>();
    }
    return config;
  }

  static std::string fuse_rows(const Config& config, const std::vector<std::string>& files,
                               Shape shape, std::string& table) {
    const std::vector<Predictions> members = read_members(files, shape);
    check_fusion_leaks(members.front(), files.front());
    std::vector<MemberFacts> facts;
    facts.reserve(members.size());
    for (const Predictions& member : members) facts.push_back({member.member, 0, 0});
    const FusionRows validation(members, &Predictions::validation);
    const FusionRows test(members, &Predictions::test);
    if (validation.scores().rows == 0) {
      throw Error(Code::Data, files.front() + ": no validation rows",
                  "fusion is fitted on them: mark some in the column split");
    }
    const auto rule = fit(config, validation, test, facts, table);
    const auto fuse = [&](const FusionRows& rows) {
      return rows.scores().rows == 0 ? std::vector<double>() : fused(*rule, rows.scores());
    };
    const std::vector<double> of_validation = fuse(validation);
    const std::vector<double> of_test = fuse(test);
    say_weights(*rule, facts, table);
    if (shape == Shape::Hdf5) return fused_table(members.front(), of_validation, of_test);
    std::vector<double> scores(of_validation.size() + of_test.size());
    const auto put = [&](const PredictionSet& set, const std::vector<double>& out) {
      for (std::size_t i = 0; i < out.size(); ++i)
        scores[static_cast<std::size_t>(set.row[i])] = out[i];
    };
    put(members.front().validation, of_validation);
    put(members.front().test, of_test);
    return with_fused(files.front(), scores);
  }

  static std::string fuse_runs(const Config& config, const std::vector<Path>& runs,
                               const Path& qrels, std::string& table) {
    const TrecTable rows = read_trec(runs, qrels);
    Scores scores;
    scores.values = rows.score;
    scores.user = rows.query;
    scores.members = static_cast<int>(rows.members.size());
    scores.rows = static_cast<std::int64_t>(rows.rows());
    scores.present = rows.present;
    std::vector<MemberFacts> facts;
    for (const std::string& name : rows.members) facts.push_back({name, 0, 0});
    FusionOptions options = fusion_options(config, facts);
    options.task = "rank";
    options.open_scores = true;
    const auto rule = fit_on(config, options, "ndcg@10", scores, {rows.label}, table);
    say_weights(*rule, facts, table);
    return trec_text(rows, fused(*rule, scores), "tutti");
  }

  static void say_weights(const FusionRule& rule, const std::vector<MemberFacts>& members,
                          std::string& table) {
    const std::vector<double> weights = rule.weights();
    for (std::size_t m = 0; m < weights.size(); ++m) {
      table += "weight of " + members[m].name + ": " + shortest_text(weights[m]) + "\n";
    }
  }

  // The only candidate, or the best by cross-validation, fitted on all rows.
  static std::unique_ptr<FusionRule> fit_on(const Config& config, const FusionOptions& options,
                                            const std::string& usual, const Scores& scores,
                                            const Labels& labels, std::string& table) {
    const std::vector<std::string> candidates = fusion_candidates(config);
    std::string name = candidates.front();
    if (candidates.size() > 1) {
      if (labels.value.empty()) {
        throw Error(Code::Config,
                    "there are no labels to choose among " + std::to_string(candidates.size()) +
                        " rules by",
                    "give one --rule, or --labels");
      }
      MetricOptions metric;
      metric.positive = options.positive;
      const std::string by = config.ensemble.choose_by.empty() ? usual : config.ensemble.choose_by;
      const Choice choice = choose_rule(candidates, options, scores, labels,
                                        *make_metric(by, metric), choose_options(config));
      name = choice.rule;
      table = choice.reason + "\n";
    }
    auto rule = make_rule(name, options);
    rule->fit(scores, labels);
    table += "rule: " + name + "\n";
    return rule;
  }

  // The rule, fitted on validation; `table` gets what is to be said of it.
  static std::unique_ptr<FusionRule> fit(const Config& config, const FusionRows& validation,
                                         const FusionRows& test,
                                         const std::vector<MemberFacts>& facts,
                                         std::string& table) {
    if (test.scores().rows == 0) {
      return fit_on(config, fusion_options(config, facts), usual_metrics(config.data.task).front(),
                    validation.scores(), validation.labels(), table);
    }
    const AssessInput input = assess_input(config, validation, test, facts);
    Assessment assessment = assess(input);
    assessment.report.title = config.experiment.name;
    std::string name;
    auto rule = kept_rule(input, assessment.report.verdict, assessment.rule, name);
    table = report_text(assessment.report) + "rule: " + name + "\n";
    return rule;
  }
};

const bool registered = CommandRegistry::add("fuse", "fuse anyone's predictions",
                                             [] { return std::make_unique<Fuse>(); });

}  // namespace
}  // namespace tutti
