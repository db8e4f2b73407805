#include "tutti/train/hf_config.hpp"

#include "tutti/data/error.hpp"
#include "tutti/train/json_text.hpp"

namespace tutti {

using nlohmann::json;

namespace {

constexpr std::int64_t kMaxLabels = 100'000;

std::string range_text(const std::string& low, const std::string& high) {
  return low + " .. " + high + " expected";
}

}  // namespace

void config_error(std::string_view key, const std::string& what, const std::string& hint) {
  throw Error(Code::Data, "config.json: " + std::string(key) + ": " + what, hint);
}

HfConfig::HfConfig(const std::string& text) : json_(parse_json_object(text, "config.json")) {}

bool HfConfig::has(const char* name) const {
  const auto found = json_.find(name);
  return found != json_.end() && !found->is_null();
}

json HfConfig::take(std::initializer_list<const char*> names) {
  json out;
  for (const char* name : names) {
    if (out.is_null() && has(name)) out = json_[name];
    json_.erase(name);
  }
  return out;
}

std::int64_t HfConfig::integer(std::initializer_list<const char*> names, std::int64_t fallback,
                               std::int64_t low, std::int64_t high) {
  const char* last = *(names.end() - 1);
  json value = take(names);
  if (value.is_null()) value = fallback;
  if (!value.is_number_integer()) {
    config_error(last, "a whole number expected, found " + brief(value));
  }
  // An unsigned number above int64's would turn negative, which no range allows.
  const auto number = value.get<std::int64_t>();
  if (number < low || number > high) {
    config_error(last, brief(value) + ", " + range_text(std::to_string(low), std::to_string(high)));
  }
  json_[last] = number;
  return number;
}

std::int64_t HfConfig::integer(std::initializer_list<const char*> names, std::int64_t low,
                               std::int64_t high) {
  bool set = false;
  for (const char* name : names) set = set || has(name);
  if (!set) config_error(*(names.end() - 1), "is missing", "is this a model's folder?");
  return integer(names, low, low, high);
}

double HfConfig::number(std::initializer_list<const char*> names, double fallback, double low,
                        double high) {
  const char* last = *(names.end() - 1);
  json value = take(names);
  if (value.is_null()) value = fallback;
  if (!value.is_number()) config_error(last, "a number expected, found " + brief(value));
  const auto number = value.get<double>();
  if (!(number >= low && number <= high)) {
    config_error(last, brief(value) + ", " + range_text(json(low).dump(), json(high).dump()));
  }
  json_[last] = number;
  return number;
}

bool HfConfig::boolean(const char* name, bool fallback) {
  if (!has(name)) return fallback;
  if (!json_[name].is_boolean()) {
    config_error(name, "true or false expected, found " + brief(json_[name]));
  }
  return json_[name].get<bool>();
}

std::string HfConfig::text(const char* name, const std::string& fallback) {
  if (!has(name)) {
    json_[name] = fallback;
  } else if (!json_[name].is_string()) {
    config_error(name, "a text expected, found " + brief(json_[name]));
  }
  return json_[name].get<std::string>();
}

std::int64_t HfConfig::token_id(const char* name) const {
  if (!has(name)) return -1;
  const json& value = json_.at(name);
  const json& id = value.is_array() && !value.empty() ? value.front() : value;
  if (!id.is_number_integer()) config_error(name, "a token id expected, found " + brief(value));
  return id.get<std::int64_t>();
}

std::int64_t HfConfig::take_labels() {
  std::int64_t count = 2;
  const bool named = has("id2label") && json_["id2label"].is_object();
  if (has("num_labels")) {
    count = integer({"num_labels"}, 1, kMaxLabels);
  } else if (named) {
    count = static_cast<std::int64_t>(json_["id2label"].size());
    if (count < 1 || count > kMaxLabels) config_error("id2label", "1 label at least expected");
  }
  json_.erase("num_labels");
  if (named && static_cast<std::int64_t>(json_["id2label"].size()) == count) return count;
  json labels = json::object();
  json ids = json::object();
  for (std::int64_t i = 0; i < count; ++i) {
    const std::string label = "LABEL_" + std::to_string(i);
    labels[std::to_string(i)] = label;
    ids[label] = i;
  }
  json_["id2label"] = labels;
  json_["label2id"] = ids;
  return count;
}

void HfConfig::finish(const std::string& model_type, const std::string& architecture) {
  // Code that comes with a model is never run, here or by who opens what we save.
  for (const char* key : {"auto_map", "custom_pipelines", "quantization_config", "_name_or_path",
                          "transformers_version", "_commit_hash", "gradient_checkpointing"}) {
    json_.erase(key);
  }
  json_["model_type"] = model_type;
  json_["architectures"] = json::array({architecture});
  // transformers 4 reads torch_dtype, 5 reads dtype (and the old name too).
  json_.erase("dtype");
  json_["torch_dtype"] = "float32";
}

}  // namespace tutti
