#include "tutti/data/csv.hpp"
#include "tutti/data/error.hpp"
#include "tutti/data/number_text.hpp"
#include "tutti/ensemble/bundle.hpp"
#include "tutti/launch/command.hpp"

#include <boost/program_options.hpp>

#include <iostream>
#include <unordered_map>

namespace po = boost::program_options;

namespace tutti {
namespace {

using Ids = std::unordered_map<std::string, std::int32_t>;

Ids index(const std::vector<std::string>& names) {
  Ids out;
  for (std::size_t i = 0; i < names.size(); ++i) out[names[i]] = static_cast<std::int32_t>(i);
  return out;
}

struct Pairs {
  std::vector<UserItem> pairs;
  std::vector<std::string> users;  // as in the file
  std::vector<std::string> items;
};

Pairs read_pairs(const Path& path, const Store& store) {
  const Ids users = index(store.interactions().user_ids);
  const Ids items = index(store.interactions().item_ids);
  CsvFile file(path);
  std::vector<std::string> fields;
  file.next(fields);
  const std::size_t user = find_column(fields, "user_id", path);
  const std::size_t item = find_column(fields, "item_id", path);
  const std::size_t width = fields.size();
  Pairs out;
  while (file.next(fields)) {
    if (fields.size() != width) {
      throw Error(Code::Data, file.where() + ": " + std::to_string(fields.size()) + " fields, " +
                                  std::to_string(width) + " expected");
    }
    const auto known_item = items.find(fields[item]);
    if (known_item == items.end()) {
      throw Error(Code::Data, file.where() + ": unknown item_id '" + fields[item] + "'",
                  "the bundle scores items of its catalogue (items.h5)");
    }
    const auto known_user = users.find(fields[user]);
    out.pairs.push_back({known_user == users.end() ? -1 : known_user->second, known_item->second});
    out.users.push_back(fields[user]);
    out.items.push_back(fields[item]);
  }
  if (out.pairs.empty()) {
    throw Error(Code::Data, path.string() + ": no pairs", "the file has a header alone");
  }
  return out;
}

class Score : public Command {
 public:
  [[nodiscard]] CommandHelp help() const override {
    return {
        "score BUNDLE --input PAIRS.csv [--output FILE] [--members]",
        "Scores user and item pairs with every member of a bundle and fuses the scores. The\n"
        "input has the columns user_id and item_id, with the source's own ids; a user that the\n"
        "bundle does not know is scored without a history. Prints CSV with the column score.",
        "  tutti score runs/movielens-100k/bundle --input pairs.csv --output scores.csv\n"};
  }

  void options(po::options_description& options,
               po::positional_options_description& positional) const override {
    options.add_options()("bundle", po::value<std::string>()->required(), "the bundle's folder")(
        "input", po::value<std::string>()->required(), "CSV with user_id and item_id")(
        "output", po::value<std::string>(), "write here instead of to standard output")(
        "members", po::bool_switch(), "a column for each member's own score too");
    positional.add("bundle", 1);
  }

  int run(const po::variables_map& given) const override {
    const Bundle bundle = Bundle::open(given["bundle"].as<std::string>());
    const Pairs input = read_pairs(given["input"].as<std::string>(), bundle.store());
    const std::vector<double> members = bundle.score_members(input.pairs);
    const std::vector<double> fused = bundle.fuse(input.pairs, members);
    const bool all = given["members"].as<bool>();
    std::string out = "user_id,item_id,score";
    if (all) {
      for (const BundleMember& member : bundle.info().members) out += "," + csv_quote(member.name);
    }
    out += "\n";
    for (std::size_t i = 0; i < fused.size(); ++i) {
      out += csv_quote(input.users[i]) + "," + csv_quote(input.items[i]) + "," +
             shortest_text(fused[i]);
      for (std::size_t m = 0; all && m < bundle.info().members.size(); ++m) {
        out += "," + shortest_text(members[m * fused.size() + i]);
      }
      out += "\n";
    }
    if (given.count("output") != 0) {
      write_file(given["output"].as<std::string>(), out);
    } else {
      std::cout << out;
    }
    return 0;
  }
};

const bool registered = CommandRegistry::add("score", "score user and item pairs with a bundle",
                                             [] { return std::make_unique<Score>(); });

}  // namespace
}  // namespace tutti
