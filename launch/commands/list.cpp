#include "tutti/data/reader.hpp"
#include "tutti/ensemble/fusion/normalise.hpp"
#include "tutti/ensemble/fusion_rule.hpp"
#include "tutti/ensemble/metric.hpp"
#include "tutti/launch/command.hpp"
#include "tutti/train/head.hpp"
#include "tutti/train/model.hpp"

#include <boost/program_options.hpp>

#include <iostream>
#include <map>

namespace po = boost::program_options;

namespace tutti {
namespace {

using Lines = std::vector<std::pair<std::string, std::string>>;

template <class R>
Lines lines_of() {
  Lines out;
  out.reserve(R::names().size());
  for (const std::string& name : R::names()) out.emplace_back(name, R::description(name));
  return out;
}

std::map<std::string, Lines> everything() {
  return {
      {"backbones", lines_of<ModelRegistry>()},     {"commands", lines_of<CommandRegistry>()},
      {"fusion-rules", lines_of<FusionRegistry>()}, {"heads", lines_of<HeadRegistry>()},
      {"metrics", lines_of<MetricRegistry>()},      {"normalisers", lines_of<NormaliserRegistry>()},
      {"sources", lines_of<ReaderRegistry>()}};
}

class List : public Command {
 public:
  [[nodiscard]] CommandHelp help() const override {
    return {"list [KIND]",
            "Lists what is registered: backbones, commands, fusion-rules, heads, metrics, "
            "normalisers, sources.",
            "  tutti list\n  tutti list fusion-rules\n"};
  }

  void options(po::options_description& options,
               po::positional_options_description& positional) const override {
    options.add_options()("kind", po::value<std::string>(), "only this kind");
    positional.add("kind", 1);
  }

  int run(const po::variables_map& given) const override {
    const auto all = everything();
    if (given.count("kind") != 0) {
      const auto& kind = given["kind"].as<std::string>();
      if (all.count(kind) == 0) {
        std::vector<std::string> names;
        names.reserve(all.size());
        for (const auto& [name, lines] : all) names.push_back(name);
        const std::string near = nearest_name(kind, names);
        throw Error(Code::Usage, "unknown kind '" + kind + "'",
                    near.empty() ? "see tutti list --help" : "did you mean '" + near + "'?");
      }
      print(all.at(kind), "");
      return 0;
    }
    for (const auto& [name, lines] : all) {
      std::cout << name << "\n";
      print(lines, "  ");
    }
    return 0;
  }

 private:
  static void print(const Lines& lines, const std::string& indent) {
    for (const auto& [name, description] : lines) {
      std::cout << indent << name << std::string(name.size() < 18 ? 18 - name.size() : 1, ' ')
                << description << "\n";
    }
  }
};

const bool registered = CommandRegistry::add("list", "list models, heads, rules and metrics",
                                             [] { return std::make_unique<List>(); });

}  // namespace
}  // namespace tutti
