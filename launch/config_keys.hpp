#pragma once

#include "tutti/launch/config.hpp"

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace tutti {

using ConfigValue = std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>>;

enum class KeyScope : std::uint8_t { Both, Train, Member };

/// One key of the config, said once: parser, checks, writer and docs are made from it.
template <class Section>
struct Key {
  using Names = std::function<std::vector<std::string>()>;

  std::string path;  ///< inside its section: "split.by"
  std::string description;
  std::function<ConfigValue(const Section&)> get;
  std::function<void(Section&, const ConfigValue&)> set;

  double low = -std::numeric_limits<double>::max();
  double high = std::numeric_limits<double>::max();
  Names choices;          ///< empty: any value
  std::string noun;       ///< what a choice is called: "fusion rule"
  std::string list;       ///< the choices are shown by `tutti list <list>`; empty: by the docs
  bool at_k = false;      ///< a choice may carry a cut-off: "ndcg@10"
  bool is_path = false;   ///< relative values start at the folder of the config
  bool is_model = false;  ///< a path, or a bare name in the cache
  bool if_set = false;    ///< written to a resolved config only when it differs from the default
  KeyScope scope = KeyScope::Both;

  Key& range(double from, double to) {
    low = from;
    high = to;
    return *this;
  }
  Key& one_of(std::vector<std::string> names, std::string what = "value") {
    choices = [names = std::move(names)] { return names; };
    noun = std::move(what);
    return *this;
  }
  Key& from_list(Names names, std::string what, std::string listed) {
    choices = std::move(names);
    noun = std::move(what);
    list = std::move(listed);
    return *this;
  }
  Key& cut_off() {
    at_k = true;
    return *this;
  }
  Key& file() {
    is_path = true;
    return *this;
  }
  Key& model() {
    is_model = true;
    return *this;
  }
  Key& only_if_set() {
    if_set = true;
    return *this;
  }
  Key& only(KeyScope where) {
    scope = where;
    return *this;
  }
};

const std::vector<Key<ExperimentConfig>>& experiment_keys();
const std::vector<Key<DataOptions>>& data_keys();
const std::vector<Key<MemberConfig>>& member_keys();  ///< of [train] and [[member]], by scope
const std::vector<Key<EnsembleConfig>>& ensemble_keys();

/// `value` as TOML writes it.
std::string toml_text(const ConfigValue& value);

}  // namespace tutti
