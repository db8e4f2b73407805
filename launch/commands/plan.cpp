#include "tutti/launch/plan.hpp"

#include "tutti/data/error.hpp"
#include "tutti/data/store.hpp"
#include "tutti/launch/command.hpp"
#include "tutti/launch/preflight.hpp"
#include "tutti/launch/run_record.hpp"

#include <boost/program_options.hpp>
#include <unistd.h>

#include <iostream>
#include <system_error>

namespace po = boost::program_options;

namespace tutti {
namespace {

// A folder that goes when the command ends, however it ends.
class Scratch {
 public:
  Scratch()
      : path_(std::filesystem::temp_directory_path() /
              ("tutti-plan-" + std::to_string(::getpid()))) {
    make_folder(path_);
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  [[nodiscard]] const Path& path() const { return path_; }

 private:
  Path path_;
};

class PlanCommand : public Command {
 public:
  [[nodiscard]] CommandHelp help() const override {
    return {"plan CONFIG [--ranks N] [--set KEY=VALUE]...",
            "Shows which member would run on which ranks, in which order, with how much work and\n"
            "memory, and checks config and data on the way. Trains nothing and writes nothing.",
            "  tutti plan configs/movielens-100k.toml --ranks 4\n"};
  }

  void options(po::options_description& options,
               po::positional_options_description& positional) const override {
    options.add_options()("config", po::value<std::string>()->required(), "the config (TOML)")(
        "ranks", po::value<int>()->default_value(1), "as with mpirun -n")(
        "set", po::value<std::vector<std::string>>()->composing(),
        "override a key: train.epochs=1");
    positional.add("config", 1);
  }

  int run(const po::variables_map& given) const override {
    const int ranks = given["ranks"].as<int>();
    if (ranks < 1) throw Error(Code::Usage, "--ranks must be at least 1");
    const Config config =
        load_config(given["config"].as<std::string>(),
                    given.count("set") != 0 ? given["set"].as<std::vector<std::string>>()
                                            : std::vector<std::string>());
    check_ranks(config, ranks);
    check_members(config);
    const Scratch scratch;
    const Path file = scratch.path() / "dataset.h5";
    const CleaningReport cleaning =
        build_store(resolved_data(config), config.experiment.seed, file);
    const Store store = Store::open(file);
    std::cout << "data: " << cleaning_text(cleaning) << "\n"
              << "train " << store.rows(Part::Train).size() << " rows, validation "
              << store.rows(Part::Validation).size() << ", test " << store.rows(Part::Test).size()
              << "\n"
              << plan_table(config, make_plan(config, estimate_members(config, store), ranks));
    return 0;
  }
};

const bool registered = CommandRegistry::add("plan", "show what would run, where",
                                             [] { return std::make_unique<PlanCommand>(); });

}  // namespace
}  // namespace tutti
