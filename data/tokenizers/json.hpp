#pragma once

#include "tutti/data/error.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace tutti::tokenizers {

using Json = nlohmann::json;

/// A JSON value and where it stands: "FILE: model.vocab".
struct Node {
  const Json& value;
  std::string where;

  /// Throws Error(Data): "WHERE: what".
  [[noreturn]] void fail(const std::string& what, const std::string& hint = {}) const {
    throw Error(Code::Data, where + ": " + what, hint);
  }

  [[nodiscard]] bool has(const char* key) const {
    return value.is_object() && value.contains(key) && !value.at(key).is_null();
  }
  [[nodiscard]] Node at(const std::string& key) const {
    if (!value.is_object()) fail("an object was expected, found " + std::string(kind()));
    const auto found = value.find(key);
    if (found == value.end()) fail("'" + key + "' is missing");
    return {*found, where + (where.ends_with(':') ? " " : ".") + key};
  }
  [[nodiscard]] Node at(std::size_t index) const {
    return {value.at(index), where + "[" + std::to_string(index) + "]"};
  }
  /// The elements of an array.
  [[nodiscard]] std::size_t size() const {
    if (!value.is_array()) fail("an array was expected, found " + std::string(kind()));
    return value.size();
  }
  [[nodiscard]] const std::string& text() const {
    if (!value.is_string()) fail("a string was expected, found " + std::string(kind()));
    return value.get_ref<const std::string&>();
  }
  [[nodiscard]] std::int32_t integer() const {
    if (!value.is_number_integer() || value < 0 || value > INT32_MAX) {
      fail("an integer from 0 to 2147483647 was expected, found " + shown());
    }
    return value.get<std::int32_t>();
  }
  [[nodiscard]] bool boolean() const {
    if (!value.is_boolean()) fail("true or false was expected, found " + shown());
    return value.get<bool>();
  }
  /// The same for a key that may be missing or null.
  [[nodiscard]] bool boolean(const char* key, bool otherwise) const {
    return has(key) ? at(key).boolean() : otherwise;
  }
  [[nodiscard]] std::string text(const char* key, const std::string& otherwise) const {
    return has(key) ? at(key).text() : otherwise;
  }

 private:
  [[nodiscard]] const char* kind() const { return value.type_name(); }
  [[nodiscard]] std::string shown() const {
    return value.is_structured() ? std::string(kind()) : value.dump();
  }
};

/// Parses a file's bytes. Throws Error(Data) naming file, line and column for broken JSON, and for
/// a key that an object has twice.
Json parse_json(const std::string& bytes, const std::string& file);

}  // namespace tutti::tokenizers
