#include "tutti/data/cache.hpp"
#include "tutti/data/error.hpp"
#include "tutti/data/number_text.hpp"
#include "tutti/data/random.hpp"
#include "tutti/launch/config_keys.hpp"

#include <array>
#include <cmath>

namespace tutti {

namespace {

std::string quoted(const std::string& text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += std::string("\\u00") + kDigits[byte >> 4] + kDigits[byte & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

// TOML takes it for a float.
std::string number_text(double number) {
  std::string out = shortest_text(number);
  if (out.find_first_of(".en") == std::string::npos) out += ".0";
  return out;
}

template <class Section>
void write_section(std::string& out, const std::string& header,
                   const std::vector<Key<Section>>& keys, const Section& section, KeyScope scope) {
  out += header + "\n";
  const Section defaults;
  for (const auto& key : keys) {
    if (key.scope != KeyScope::Both && key.scope != scope) continue;
    const ConfigValue value = key.get(section);
    if (key.if_set && value == key.get(defaults)) continue;
    out += key.path + " = " + toml_text(value) + "\n";
  }
  out += "\n";
}

std::string type_name(const ConfigValue& value) {
  static constexpr std::array<const char*, 5> kNames = {"true or false", "whole number", "number",
                                                        "string", "list of strings"};
  return kNames[value.index()];
}

template <class Section>
std::string allowed(const Key<Section>& key) {
  const double unbounded = std::numeric_limits<double>::max();
  if (!key.list.empty()) return "`tutti list " + key.list + "`";
  std::string out;
  if (key.choices) {
    for (const std::string& name : key.choices()) out += (out.empty() ? "" : ", ") + name;
  } else if (key.low != -unbounded || key.high != unbounded) {
    const auto bound = [](double number) {
      std::string text = number_text(number);
      if (text.size() > 2 && text.substr(text.size() - 2) == ".0") text.resize(text.size() - 2);
      return text;
    };
    out =
        key.high >= 1e9 ? "at least " + bound(key.low) : bound(key.low) + " to " + bound(key.high);
  }
  return out;
}

template <class Section>
void document(std::string& out, const std::vector<Key<Section>>& keys, KeyScope only) {
  out += "| key | type | default | allowed | what it does |\n| --- | --- | --- | --- | --- |\n";
  const Section defaults;
  for (const auto& key : keys) {
    if (key.scope != only) continue;
    const ConfigValue value = key.get(defaults);
    out += "| `" + key.path + "` | " + type_name(value) + " | `" + toml_text(value) + "` | " +
           allowed(key) + " | " + key.description + " |\n";
  }
}

}  // namespace

std::string toml_text(const ConfigValue& value) {
  struct Text {
    std::string operator()(bool b) const { return b ? "true" : "false"; }
    std::string operator()(std::int64_t i) const { return std::to_string(i); }
    std::string operator()(double d) const { return number_text(d); }
    std::string operator()(const std::string& s) const { return quoted(s); }
    std::string operator()(const std::vector<std::string>& list) const {
      std::string out = "[";
      for (const std::string& s : list) out += (out.size() > 1 ? ", " : "") + quoted(s);
      return out + "]";
    }
  };
  return std::visit(Text{}, value);
}

std::string write_config(const Config& config) {
  std::string out = "# A resolved config of tutti: every default is written out.\n\n";
  write_section(out, "[experiment]", experiment_keys(), config.experiment, KeyScope::Both);
  write_section(out, "[data]", data_keys(), config.data, KeyScope::Both);
  write_section(out, "[train]", member_keys(), config.train, KeyScope::Train);
  for (const MemberConfig& member : config.members) {
    write_section(out, "[[member]]", member_keys(), member, KeyScope::Member);
  }
  write_section(out, "[ensemble]", ensemble_keys(), config.ensemble, KeyScope::Both);
  out.pop_back();
  return out;
}

std::string config_docs() {
  std::string out =
      "# The config, key by key\n\n"
      "Made by `tutti config-docs`; do not edit. A config is one TOML file. Dotted keys are "
      "tables:\n"
      "`split.by` may be written `split = { by = \"time\" }`. `--set data.split.by=random` "
      "overrides "
      "one;\nmembers go by index or name: `--set member.0.epochs=1`.\n\n## [experiment]\n\n";
  document(out, experiment_keys(), KeyScope::Both);
  out += "\n## [data]\n\n";
  document(out, data_keys(), KeyScope::Both);
  out +=
      "\n## [train] and [[member]]\n\nA key in [train] is what every member starts from; the "
      "same key in a member overrides it.\n\n";
  document(out, member_keys(), KeyScope::Both);
  out += "\nOnly in [train]:\n\n";
  document(out, member_keys(), KeyScope::Train);
  out += "\nOnly in [[member]]:\n\n";
  document(out, member_keys(), KeyScope::Member);
  out += "\n## [ensemble]\n\n";
  document(out, ensemble_keys(), KeyScope::Both);
  return out;
}

std::uint64_t member_seed(const Config& config, const MemberConfig& member) {
  if (member.seed != 0) return member.seed;
  return Random(config.experiment.seed, "member " + member.name).key();
}

Path resolve_path(const std::string& path) {
  return path.rfind("cache:", 0) == 0 ? cache_folder() / path.substr(6) : Path(path);
}

DataOptions resolved_data(const Config& config) {
  DataOptions data = config.data;
  for (std::string* path : {&data.path, &data.csv.interactions, &data.csv.items, &data.csv.users}) {
    if (!path->empty()) *path = resolve_path(*path).string();
  }
  return data;
}

}  // namespace tutti
