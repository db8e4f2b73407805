#include "tutti/data/error.hpp"
#include "tutti/data/number_text.hpp"
#include "tutti/launch/config_keys.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <sstream>

namespace tutti {

namespace {

constexpr std::uint64_t kLargestConfig = 1 << 20;
constexpr const char* kOverride = "--set";
constexpr int kSharedByTowers = 64;  // rows that show one history, where the config does not say

[[noreturn]] void refuse(const std::string& where, const std::string& what,
                         const std::string& hint = {}) {
  throw Error(Code::Config, where + ": " + what, hint);
}

std::string kind_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "a whole number";
    case toml::node_type::floating_point:
      return "a number";
    case toml::node_type::boolean:
      return "true or false";
    default:
      return "a date or time";
  }
}

std::string did_you_mean(const std::string& wrong, const std::vector<std::string>& known) {
  const std::string near = nearest_name(wrong, known);
  if (!near.empty()) return "did you mean '" + near + "'?";
  std::string all;
  for (const std::string& name : known) {
    if (!name.empty()) all += (all.empty() ? "" : ", ") + name;
  }
  return "known: " + all;
}

// Reads one section: a table against its keys.
template <class Section>
class SectionReader {
 public:
  SectionReader(const std::vector<Key<Section>>& keys, std::string name, KeyScope scope,
                const std::string& file, const Path& folder)
      : keys_(keys), name_(std::move(name)), scope_(scope), file_(file), folder_(folder) {}

  void read(const toml::table& table, Section& into) const { walk(table, "", into); }

 private:
  [[nodiscard]] bool in_scope(const Key<Section>& key) const {
    return key.scope == KeyScope::Both || key.scope == scope_;
  }

  [[nodiscard]] std::string where(const toml::source_region& source,
                                  const std::string& path) const {
    if (source.path && *source.path == kOverride) return std::string(kOverride) + " " + full(path);
    return file_ + ":" + std::to_string(source.begin.line) + ":" +
           std::to_string(source.begin.column);
  }

  [[nodiscard]] std::string full(const std::string& path) const { return name_ + "." + path; }

  void walk(const toml::table& table, const std::string& prefix, Section& into) const {
    for (const auto& [key_text, node] : table) {
      const std::string path = prefix + std::string(key_text.str());
      const Key<Section>* key = find(path);
      if (key != nullptr) {
        key->set(into, checked(*key, node, where(node.source(), path), full(path)));
      } else if (has_below(path) && node.is_table()) {
        walk(*node.as_table(), path + ".", into);
      } else if (path == "backbone" && node.is_string() && find("backbone.folder") != nullptr) {
        const Key<Section>& folder = *find("backbone.folder");
        folder.set(into, checked(folder, node, where(node.source(), path), full(path)));
      } else if (has_below(path)) {
        refuse(where(node.source(), path),
               full(path) + ": found " + kind_of(node) + ", expected a table");
      } else {
        // The key's own place is what a reader looks for; a value from an override has no file.
        const bool from_override = node.source().path && *node.source().path == kOverride;
        refuse(where(from_override ? node.source() : key_text.source(), path),
               "unknown key '" + std::string(key_text.str()) + "' in " + place(prefix),
               did_you_mean(std::string(key_text.str()), names_at(prefix)));
      }
    }
  }

  [[nodiscard]] std::string place(const std::string& prefix) const {
    return prefix.empty() ? name_ : full(prefix.substr(0, prefix.size() - 1));
  }

  [[nodiscard]] const Key<Section>* find(const std::string& path) const {
    for (const auto& key : keys_) {
      if (key.path == path && in_scope(key)) return &key;
    }
    return nullptr;
  }

  [[nodiscard]] bool has_below(const std::string& path) const {
    return std::any_of(keys_.begin(), keys_.end(), [&](const auto& key) {
      return in_scope(key) && key.path.rfind(path + ".", 0) == 0;
    });
  }

  [[nodiscard]] std::vector<std::string> names_at(const std::string& prefix) const {
    std::vector<std::string> out;
    for (const auto& key : keys_) {
      if (!in_scope(key) || key.path.rfind(prefix, 0) != 0) continue;
      const std::string rest = key.path.substr(prefix.size());
      const std::string name = rest.substr(0, rest.find('.'));
      if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(name);
    }
    return out;
  }

  [[nodiscard]] ConfigValue checked(const Key<Section>& key, const toml::node& node,
                                    const std::string& where, const std::string& name) const {
    ConfigValue value = key.get(Section{});
    std::visit([&](auto& out) { out = converted(out, key, node, where, name); }, value);
    return value;
  }

  [[noreturn]] static void wrong_type(const toml::node& node, const std::string& expected,
                                      const std::string& where, const std::string& name) {
    refuse(where, name + ": found " + kind_of(node) + ", expected " + expected);
  }

  static void check_range(const Key<Section>& key, double number, const std::string& text,
                          const std::string& where, const std::string& name) {
    if (number >= key.low && number <= key.high) return;  // NaN is neither
    refuse(where, name + ": " + text + " is out of range",
           "expected " + shortest_text(key.low) + " .. " + shortest_text(key.high));
  }

  static bool converted(bool, const Key<Section>&, const toml::node& node, const std::string& where,
                        const std::string& name) {
    if (!node.is_boolean()) wrong_type(node, "true or false", where, name);
    return **node.as_boolean();
  }

  static std::int64_t converted(std::int64_t, const Key<Section>& key, const toml::node& node,
                                const std::string& where, const std::string& name) {
    if (!node.is_integer()) wrong_type(node, "a whole number", where, name);
    const std::int64_t number = **node.as_integer();
    check_range(key, static_cast<double>(number), std::to_string(number), where, name);
    return number;
  }

  static double converted(double, const Key<Section>& key, const toml::node& node,
                          const std::string& where, const std::string& name) {
    if (!node.is_number()) wrong_type(node, "a number", where, name);
    const double number =
        node.is_integer() ? static_cast<double>(**node.as_integer()) : **node.as_floating_point();
    check_range(key, number, shortest_text(number), where, name);
    return number;
  }

  [[nodiscard]] std::string converted(const std::string&, const Key<Section>& key,
                                      const toml::node& node, const std::string& where,
                                      const std::string& name) const {
    if (!node.is_string()) wrong_type(node, "a string", where, name);
    return text(key, **node.as_string(), where, name);
  }

  [[nodiscard]] std::vector<std::string> converted(const std::vector<std::string>&,
                                                   const Key<Section>& key, const toml::node& node,
                                                   const std::string& where,
                                                   const std::string& name) const {
    if (!node.is_array()) wrong_type(node, "a list of strings", where, name);
    std::vector<std::string> out;
    out.reserve(node.as_array()->size());
    for (const toml::node& element : *node.as_array()) {
      if (!element.is_string()) wrong_type(element, "a string in the list", where, name);
      out.push_back(text(key, **element.as_string(), where, name));
    }
    return out;
  }

  [[nodiscard]] std::string text(const Key<Section>& key, const std::string& value,
                                 const std::string& where, const std::string& name) const {
    if (value.find('\0') != std::string::npos) refuse(where, name + ": holds a NUL byte");
    if (key.choices) {
      const std::vector<std::string> known = key.choices();
      const std::string bare = key.at_k ? value.substr(0, value.find('@')) : value;
      if (std::find(known.begin(), known.end(), bare) == known.end()) {
        refuse(where, "unknown " + key.noun + " '" + value + "' in " + name,
               did_you_mean(bare, known));
      }
    }
    if (value.empty() || value.rfind("cache:", 0) == 0) return value;
    if (value.rfind("$TUTTI_CACHE/", 0) == 0) return "cache:" + value.substr(13);
    const bool in_folder = value.find('/') != std::string::npos;
    if (key.is_path || (key.is_model && in_folder)) {
      return (folder_ / value).lexically_normal().string();
    }
    return value;
  }

  const std::vector<Key<Section>>& keys_;
  std::string name_;
  KeyScope scope_;
  const std::string& file_;
  const Path& folder_;
};

constexpr const char* kNameHint = "use letters, digits, '.', '_' and '-', not beginning with '.'";

bool valid_name(const std::string& name) {
  if (name.empty() || name.size() > 100 || name.front() == '.') return false;
  return std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
  });
}

// ---- overrides: put into the parsed table before it is read, so that they pass the same checks

class Overrides {
 public:
  explicit Overrides(toml::table& root) : root_(root) {}

  void apply(const std::string& text) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw Error(Code::Usage, "--set " + text + ": no value",
                  "write --set path.to.key=value, as in --set train.epochs=1");
    }
    const std::string path = text.substr(0, equals);
    std::string rest = path;
    toml::table* table = &root_;
    if (path.rfind("member.", 0) == 0) {
      rest = path.substr(7);
      table = &member(rest, path);
    }
    for (std::size_t dot = rest.find('.'); dot != std::string::npos; dot = rest.find('.')) {
      table = &below(*table, rest.substr(0, dot), path);
      rest = rest.substr(dot + 1);
    }
    if (rest.empty()) throw Error(Code::Usage, "--set " + path + ": the key ends in a dot");
    insert(*table, rest, text.substr(equals + 1));
  }

 private:
  // Takes the member's index or name off the front of `rest`.
  toml::table& member(std::string& rest, const std::string& path) {
    toml::array* members = root_["member"].as_array();
    const std::size_t count = members == nullptr ? 0 : members->size();
    std::size_t best = count;
    std::size_t best_length = 0;
    for (std::size_t i = 0; i < count; ++i) {
      toml::table* one = (*members)[i].as_table();
      if (one == nullptr) continue;
      for (const std::string& name :
           {std::to_string(i), one->at_path("name").value_or(std::string())}) {
        if (rest.rfind(name + ".", 0) == 0 && name.size() > best_length) {
          best = i;
          best_length = name.size();
        }
      }
    }
    if (best == count) {
      throw Error(
          Code::Config, "--set " + path + ": no such member",
          "there are " + std::to_string(count) + ": name one by its index from 0 or by its name");
    }
    rest = rest.substr(best_length + 1);
    return *(*members)[best].as_table();
  }

  static toml::table& below(toml::table& table, const std::string& key, const std::string& path) {
    toml::node* node = table.get(key);
    if (node == nullptr) {
      return *table.insert_or_assign(key, toml::table{}).first->second.as_table();
    }
    if (key == "backbone" && node->is_string()) {  // the short form: make it the long one
      const std::string folder = **node->as_string();
      return *table.insert_or_assign(key, toml::table{{"folder", folder}}).first->second.as_table();
    }
    if (!node->is_table()) {
      throw Error(Code::Config, "--set " + path + ": '" + key + "' is not a table");
    }
    return *node->as_table();
  }

  static void insert(toml::table& table, const std::string& key, const std::string& value) {
    toml::parse_result parsed = [&] {
      try {
        return toml::parse("v = " + value, std::string_view(kOverride));
      } catch (const toml::parse_error&) {
        // A bare word: --set train.precision=bf16 needs no quotes within quotes.
        toml::table text;
        text.insert("v", value);
        std::ostringstream quoted;
        quoted << text;
        return toml::parse(quoted.str(), std::string_view(kOverride));
      }
    }();
    table.insert_or_assign(key, std::move(*parsed.get("v")));
  }

  toml::table& root_;
};

void check_sections(const toml::table& root, const std::string& file) {
  static const std::vector<std::string> sections = {"experiment", "data", "train", "member",
                                                    "ensemble"};
  for (const auto& [key, node] : root) {
    const std::string name(key.str());
    const std::string where = file + ":" + std::to_string(key.source().begin.line) + ":" +
                              std::to_string(key.source().begin.column);
    if (std::find(sections.begin(), sections.end(), name) == sections.end()) {
      refuse(where, "unknown section '" + name + "'", did_you_mean(name, sections));
    }
    if (name == "member" ? !node.is_array_of_tables() : !node.is_table()) {
      refuse(where, name + ": found " + kind_of(node) + ", expected " +
                        (name == "member" ? "tables, each begun by [[member]]" : "a table"));
    }
  }
}

void check_names(const Config& config, const std::string& file) {
  if (!valid_name(config.experiment.name)) {
    refuse(file, "experiment.name '" + config.experiment.name + "' cannot be a folder's name",
           kNameHint);
  }
}

void check_members(const Config& config, const std::string& file) {
  for (std::size_t i = 0; i < config.members.size(); ++i) {
    const MemberConfig& member = config.members[i];
    const std::string where = file + ": member." + std::to_string(i);
    if (!valid_name(member.name)) {
      refuse(where, "name '" + member.name + "' cannot be a folder's name", kNameHint);
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (config.members[j].name == member.name) {
        refuse(where, "the name '" + member.name + "' is taken by member." + std::to_string(j),
               "give every member its own name");
      }
    }
    if (member.backbone.folder.empty() == member.backbone.type.empty()) {
      refuse(where + " (" + member.name + ")",
             member.backbone.folder.empty() ? "has no backbone" : "has two backbones",
             "give backbone = \"FOLDER\" or backbone = { type = \"bert\", ... }, one of them");
    }
    if (member.data.fold >= member.data.of) {
      refuse(where + " (" + member.name + ")", "data.fold " + std::to_string(member.data.fold) +
                                                   " is not below data.of " +
                                                   std::to_string(member.data.of));
    }
  }
}

}  // namespace

Config parse_config(const std::string& text, const std::string& name, const Path& folder,
                    const std::vector<std::string>& overrides) {
  const Path start = std::filesystem::absolute(folder);
  toml::table root;
  try {
    root = toml::parse(text, std::string_view(name));
  } catch (const toml::parse_error& error) {
    const auto& at = error.source().begin;
    refuse(name + ":" + std::to_string(at.line) + ":" + std::to_string(at.column),
           std::string(error.description()), "the file must be TOML (https://toml.io)");
  }
  Overrides set(root);
  for (const std::string& one : overrides) set.apply(one);
  check_sections(root, name);

  Config config;
  const auto read = [&]<class Section>(const std::vector<Key<Section>>& keys,
                                       const std::string& section, const toml::node* node,
                                       KeyScope scope, Section& into) {
    if (node == nullptr) return;
    SectionReader<Section>(keys, section, scope, name, start).read(*node->as_table(), into);
  };
  read(experiment_keys(), "experiment", root.get("experiment"), KeyScope::Both, config.experiment);
  read(data_keys(), "data", root.get("data"), KeyScope::Both, config.data);
  read(member_keys(), "train", root.get("train"), KeyScope::Train, config.train);
  read(ensemble_keys(), "ensemble", root.get("ensemble"), KeyScope::Both, config.ensemble);
  if (const toml::array* members = root["member"].as_array()) {
    for (const toml::node& one : *members) {
      MemberConfig member = config.train;
      read(member_keys(), "member." + std::to_string(config.members.size()), &one, KeyScope::Member,
           member);
      if (member.kind == "two-tower" && member.data.share_history == 0) {
        member.data.share_history = kSharedByTowers;
      }
      config.members.push_back(std::move(member));
    }
  }
  check_names(config, name);
  check_members(config, name);
  return config;
}

Config load_config(const Path& file, const std::vector<std::string>& overrides) {
  const std::string text = read_file(file, kLargestConfig);
  return parse_config(text, file.string(), file.has_parent_path() ? file.parent_path() : ".",
                      overrides);
}

}  // namespace tutti
