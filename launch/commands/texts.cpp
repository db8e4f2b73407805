#include "tutti/data/error.hpp"
#include "tutti/data/store.hpp"
#include "tutti/launch/command.hpp"
#include "tutti/launch/config.hpp"

#include <boost/program_options.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>
#include <memory>

namespace po = boost::program_options;

namespace tutti {
namespace {

const MemberConfig& find_member(const Config& config, const std::string& name) {
  std::vector<std::string> names;
  for (const MemberConfig& member : config.members) {
    if (member.name == name) return member;
    names.push_back(member.name);
  }
  const std::string near = nearest_name(name, names);
  throw Error(Code::Usage, "no member '" + name + "' in this run",
              near.empty() ? "`tutti plan` lists them" : "did you mean '" + near + "'?");
}

std::unique_ptr<Dataset> view_of(const Store& store, const Config& config,
                                 const MemberConfig& member, const std::string& part) {
  if (part == "train") {
    return training_view(store, member.data, config.experiment.seed, member.name);
  }
  if (part == "validation") return evaluation_view(store, Part::Validation, member.data);
  if (part == "test") return evaluation_view(store, Part::Test, member.data);
  throw Error(Code::Usage, "--part is '" + part + "'", "train, validation or test is expected");
}

class Texts : public Command {
 public:
  [[nodiscard]] CommandHelp help() const override {
    return {"texts RUN --member NAME [--part PART] [--limit N]",
            "Prints what a member of a finished run reads, one JSON object an example: row, user,\n"
            "item, label, text (the user's side), text_pair (the item's side), kind (cross: one\n"
            "text; two-tower: two) and max_length, so that another program can tokenise and score\n"
            "the same examples.",
            "  tutti texts runs/movielens-100k --member minilm --part test --limit 5\n"};
  }

  void options(po::options_description& options,
               po::positional_options_description& positional) const override {
    options.add_options()("run", po::value<std::string>()->required(), "the run's folder")(
        "member", po::value<std::string>()->required(), "its name")(
        "part", po::value<std::string>()->default_value("test"), "train, validation or test")(
        "limit", po::value<Row>()->default_value(0), "only the first N; 0: all");
    positional.add("run", 1);
  }

  int run(const po::variables_map& given) const override {
    const Path folder = given["run"].as<std::string>();
    const Config config = load_config(folder / "config.toml");
    const MemberConfig& member = find_member(config, given["member"].as<std::string>());
    const Store store = Store::open(folder / "dataset.h5");
    const auto view = view_of(store, config, member, given["part"].as<std::string>());
    const Row limit = given["limit"].as<Row>();
    const Row end = limit > 0 ? std::min(limit, view->size()) : view->size();
    for (Row i = 0; i < end; ++i) {
      const Example example = view->get(i);
      const nlohmann::ordered_json line = {
          {"row", example.row},   {"user", example.user},
          {"item", example.item}, {"label", example.label},
          {"text", example.text}, {"text_pair", example.text_pair},
          {"kind", member.kind},  {"max_length", member.train.max_length}};
      std::cout << line.dump() << "\n";
    }
    return 0;
  }
};

const bool registered = CommandRegistry::add("texts", "print the texts that a member reads",
                                             [] { return std::make_unique<Texts>(); });

}  // namespace
}  // namespace tutti
