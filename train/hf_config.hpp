#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace tutti {

/// The config.json of a Hugging Face folder: typed reads with errors that name the key, and our own
/// description of a model, which is the same under one set of names for every type of model:
/// hidden_size, num_hidden_layers, num_attention_heads, num_key_value_heads, intermediate_size,
/// max_position_embeddings, dropout (hidden and attention), num_labels. A backbone takes those
/// under its own names too, and writes back its own names only: what is saved is what transformers
/// 4 and 5 know.
class HfConfig {
 public:
  /// Throws Error(Data) for text that is not a JSON object.
  explicit HfConfig(const std::string& text);

  /// Reads the first of `names` that is set (null counts as not set), else gives `fallback`;
  /// whatever was found or not, afterwards only the last of `names` holds the value. Throws
  /// Error(Data) for another type or a number outside low .. high.
  std::int64_t integer(std::initializer_list<const char*> names, std::int64_t fallback,
                       std::int64_t low, std::int64_t high);
  double number(std::initializer_list<const char*> names, double fallback, double low, double high);
  bool boolean(const char* name, bool fallback);
  std::string text(const char* name, const std::string& fallback);

  /// A required integer.
  std::int64_t integer(std::initializer_list<const char*> names, std::int64_t low,
                       std::int64_t high);

  /// An optional token id, -1 where there is none; of a list, the first.
  [[nodiscard]] std::int64_t token_id(const char* name) const;

  /// How many labels: num_labels, else id2label, else 2. Leaves id2label and label2id of that many.
  std::int64_t take_labels();

  /// Says what the file holds when saved: `architecture`, fp32, and nothing that names code.
  void finish(const std::string& model_type, const std::string& architecture);

  [[nodiscard]] bool has(const char* name) const;
  [[nodiscard]] nlohmann::json& values() noexcept { return json_; }
  [[nodiscard]] std::string dump() const { return json_.dump(2) + "\n"; }

 private:
  nlohmann::json take(std::initializer_list<const char*> names);

  nlohmann::json json_;
};

/// The Error(Data) of a config.json: "config.json: KEY: WHAT".
[[noreturn]] void config_error(std::string_view key, const std::string& what,
                               const std::string& hint = {});

}  // namespace tutti
