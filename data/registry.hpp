#pragma once

#include "tutti/data/error.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tutti {

/// One extension point: makes objects of type `Made` by name.
///
/// A thing registers itself from its own .cpp at namespace scope:
///     const bool registered = Registry<Metric, const MetricOptions&>::add("auc", "area under the
///     ROC curve", make);
/// A second add of a name is a bug and asserts. Layers are linked whole, so no registrar is
/// dropped. `Made::kKind` names the kind in error messages ("metric", "fusion rule").
template <class Made, class... Args>
class Registry {
 public:
  using Make = std::function<std::unique_ptr<Made>(Args...)>;

  static bool add(const std::string& name, const std::string& description, Make make) {
    const bool fresh = table().emplace(name, Entry{description, std::move(make)}).second;
    TUTTI_ASSERT(fresh, "registered twice: " + name);
    return fresh;
  }

  /// Throws Error(Config) for an unknown name, naming the nearest known one.
  static std::unique_ptr<Made> make(std::string_view name, Args... args) {
    const auto found = table().find(std::string(name));
    if (found == table().end()) {
      const std::string near = nearest_name(name, names());
      throw Error(Code::Config,
                  std::string("unknown ") + Made::kKind + " '" + std::string(name) + "'",
                  near.empty() ? "known: " + joined() : "did you mean '" + near + "'?");
    }
    return found->second.make(std::forward<Args>(args)...);
  }

  [[nodiscard]] static bool has(std::string_view name) {
    return table().count(std::string(name)) != 0;
  }

  /// In alphabetical order.
  [[nodiscard]] static std::vector<std::string> names() {
    std::vector<std::string> out;
    for (const auto& [name, entry] : table()) out.push_back(name);
    return out;
  }

  [[nodiscard]] static const std::string& description(const std::string& name) {
    return table().at(name).description;
  }

 private:
  struct Entry {
    std::string description;
    Make make;
  };

  // Filled before main by registrars and only read after it; a function-local static avoids the
  // order of initialisation.
  static std::map<std::string, Entry>& table() {
    static std::map<std::string, Entry> entries;
    return entries;
  }

  static std::string joined() {
    std::string out;
    for (const std::string& name : names()) out += (out.empty() ? "" : ", ") + name;
    return out;
  }
};

}  // namespace tutti
