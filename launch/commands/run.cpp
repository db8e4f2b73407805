#include "tutti/launch/command.hpp"
#include "tutti/launch/experiment.hpp"

#include <boost/program_options.hpp>

namespace po = boost::program_options;

namespace tutti {
namespace {

class Run : public Command {
 public:
  [[nodiscard]] CommandHelp help() const override {
    return {"run CONFIG [--set KEY=VALUE]... [--out DIR] [--fresh]",
            "Trains every member of CONFIG, learns how to fuse them, judges the ensemble on test\n"
            "rows and writes the run folder: config.toml (resolved), run.json, dataset.h5,\n"
            "members/, ensemble/, report.html and bundle/. Under mpirun the members are spread\n"
            "over the ranks; without it they run one after the other.",
            "  tutti run configs/tiny.toml --out /tmp/tiny\n"
            "  mpirun -n 4 tutti run configs/movielens-100k.toml --set train.epochs=1\n"};
  }

  void options(po::options_description& options,
               po::positional_options_description& positional) const override {
    options.add_options()("config", po::value<std::string>()->required(), "the config (TOML)")(
        "set", po::value<std::vector<std::string>>()->composing(),
        "override a key: train.epochs=1, member.0.learning_rate=3e-5")(
        "out", po::value<std::string>(), "the run folder (default: runs/NAME)")(
        "fresh", po::bool_switch(), "remove an old run in it first");
    positional.add("config", 1);
  }

  int run(const po::variables_map& given) const override {
    ExperimentOptions options;
    options.config = given["config"].as<std::string>();
    if (given.count("set") != 0) options.overrides = given["set"].as<std::vector<std::string>>();
    if (given.count("out") != 0) options.output = given["out"].as<std::string>();
    options.fresh = given["fresh"].as<bool>();
    return run_experiment(options);
  }
};

const bool registered = CommandRegistry::add("run", "train, fuse, judge and bundle an ensemble",
                                             [] { return std::make_unique<Run>(); });

}  // namespace
}  // namespace tutti
