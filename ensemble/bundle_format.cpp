#include "tutti/ensemble/bundle_format.hpp"

#include "tutti/data/error.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace tutti {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormatVersion = 1;
constexpr const char* kDigestKey = "\"sha256\": \"";
const std::string kNoDigest(64, '0');

// How a score comes from logits, so that a reader needs none of our code.
Json score_rule(const BundleMember& member, int num_labels) {
  const HeadOptions& head = member.head_options;
  const bool rating = head.task == "rating";
  const double low = rating ? head.rating_min : 0.0;
  const double high = rating ? head.rating_max : 1.0;
  if (member.head == "regression") {
    return {{"kind", "clamp"},
            {"low", low},
            {"high", high},
            {"formula", "score = min(max(logits[0], low), high)"}};
  }
  if (num_labels == 1) {
    return {{"kind", "sigmoid"},
            {"low", low},
            {"high", high},
            {"formula", "score = low + (high - low) / (1 + exp(-logits[0]))"}};
  }
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(num_labels));
  for (int c = 0; c < num_labels; ++c) values.push_back(low + (high - low) / (num_labels - 1) * c);
  return {{"kind", "expectation"},
          {"values", values},
          {"formula", "score = sum(softmax(logits) * values)"}};
}

Json data_json(const MemberData& data) {
  return {{"history", data.history},
          {"fields", data.fields},
          {"user_fields", data.user_fields},
          {"statistics", data.statistics}};
}

MemberData data_from(const Json& json) {
  MemberData data;
  data.history = json.at("history").get<int>();
  data.fields = json.at("fields").get<std::vector<std::string>>();
  data.user_fields = json.at("user_fields").get<std::vector<std::string>>();
  data.statistics = json.at("statistics").get<bool>();
  return data;
}

Json member_json(const BundleMember& member) {
  const int num_labels = HeadRegistry::make(member.head, member.head_options)->num_labels();
  return {{"name", member.name},
          {"folder", "members/" + member.name},
          {"kind", member.kind},
          {"head", member.head},
          {"num_labels", num_labels},
          {"rating_min", member.head_options.rating_min},
          {"rating_max", member.head_options.rating_max},
          {"score", score_rule(member, num_labels)},
          {"max_length", member.max_length},
          {"precision", member.bf16 ? "bf16" : "fp32"},
          {"parameters", member.parameters},
          {"layers", member.layers},
          {"data", data_json(member.data)}};
}

BundleMember member_from(const Json& json, const std::string& task) {
  BundleMember member;
  member.name = json.at("name").get<std::string>();
  // The name is joined to a path: it must stay inside the bundle.
  if (member.name.empty() || member.name.front() == '.' ||
      member.name.find('/') != std::string::npos) {
    throw Error(Code::Data, "a member's name is '" + member.name + "'");
  }
  member.kind = json.value("kind", "cross");
  member.head = json.at("head").get<std::string>();
  member.head_options.task = task;
  member.head_options.num_labels = json.at("num_labels").get<int>();
  member.head_options.rating_min = json.at("rating_min").get<double>();
  member.head_options.rating_max = json.at("rating_max").get<double>();
  member.max_length = json.at("max_length").get<int>();
  member.bf16 = json.at("precision").get<std::string>() == "bf16";
  member.parameters = json.at("parameters").get<double>();
  member.layers = json.at("layers").get<double>();
  member.data = data_from(json.at("data"));
  return member;
}

}  // namespace

std::string bundle_text(const BundleInfo& info, const FileDigests& files) {
  Json members = Json::array();
  for (const BundleMember& member : info.members) members.push_back(member_json(member));
  Json provenance = Json::object();
  for (const auto& [key, value] : info.provenance) provenance[key] = value;
  const Json json = {{"format_version", kFormatVersion},
                     {"sha256", kNoDigest},
                     {"name", info.name},
                     {"task", info.task},
                     {"members", members},
                     {"fusion",
                      {{"rule", info.rule},
                       {"weights", info.weights},
                       {"threshold", info.threshold},
                       {"top_k", info.top_k},
                       {"state", Json::parse(info.rule_state)}}},
                     {"metrics", Json::parse(info.metrics)},
                     {"provenance", provenance},
                     {"files", files}};
  std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  const std::size_t at = text.find(kDigestKey) + std::string(kDigestKey).size();
  text.replace(at, kNoDigest.size(), sha256(text));
  return text;
}

BundleInfo parse_bundle(const std::string& text, const std::string& where, FileDigests& files) {
  std::string blank = text;
  const std::size_t key = text.find(kDigestKey);
  const std::size_t at = key + std::string(kDigestKey).size();
  if (key == std::string::npos || at + kNoDigest.size() > text.size()) {
    throw Error(Code::Data, where + ": no bundle: it has no digest of its own");
  }
  const std::string expected = text.substr(at, kNoDigest.size());
  blank.replace(at, kNoDigest.size(), kNoDigest);
  if (const std::string found = sha256(blank); found != expected) {
    throw Error(Code::Data,
                where + ": SHA-256 " + found.substr(0, 12) + ".. found, " + expected.substr(0, 12) +
                    ".. expected: the file was changed",
                "take the bundle from where it was made again");
  }
  try {
    const Json json = Json::parse(text);
    if (const int version = json.at("format_version").get<int>(); version != kFormatVersion) {
      throw Error(Code::Data,
                  where + ": format version " + std::to_string(version) + ", " +
                      std::to_string(kFormatVersion) + " expected",
                  "use the tutti that made it");
    }
    BundleInfo info;
    info.name = json.at("name").get<std::string>();
    info.task = json.at("task").get<std::string>();
    for (const Json& member : json.at("members")) {
      info.members.push_back(member_from(member, info.task));
    }
    const Json& fusion = json.at("fusion");
    info.rule = fusion.at("rule").get<std::string>();
    info.rule_state = fusion.at("state").dump();
    info.weights = fusion.at("weights").get<std::vector<double>>();
    info.threshold = fusion.at("threshold").get<double>();
    info.top_k = fusion.at("top_k").get<int>();
    info.metrics = json.at("metrics").dump();
    for (const auto& [name, value] : json.at("provenance").items()) {
      info.provenance.emplace_back(name, value.get<std::string>());
    }
    files = json.at("files").get<FileDigests>();
    return info;
  } catch (const Json::exception& error) {
    throw Error(Code::Data, where + ": " + error.what());
  }
}

std::string bundle_readme(const BundleInfo& info) {
  std::string out = "# " + info.name + "\n\nAn ensemble of " + std::to_string(info.members.size()) +
                    " language models for recommendation (task: " + info.task +
                    "), made by tutti. Scores are fused by the rule `" + info.rule +
                    "`.\n\n| member | head | parameters | layers | weight |\n| --- | --- | --- | "
                    "--- | --- |\n";
  for (std::size_t m = 0; m < info.members.size(); ++m) {
    const BundleMember& member = info.members[m];
    char weight[32] = "";
    if (m < info.weights.size()) std::snprintf(weight, sizeof weight, "%.4f", info.weights[m]);
    out += "| " + member.name + " | " + member.head + " | " +
           std::to_string(static_cast<long long>(member.parameters)) + " | " +
           std::to_string(static_cast<long long>(member.layers)) + " | " + weight + " |\n";
  }
  out +=
      "\nEach folder under members/ opens with transformers' "
      "`AutoModelForSequenceClassification` and `AutoTokenizer` (where it holds towers.json: with "
      "`AutoModel`, and towers.json says how logits come from the two texts); bundle.json says how "
      "a score comes from logits, and holds the metrics on test under the full name of their "
      "protocol.\n"
      "\n    tutti score THIS-FOLDER --input pairs.csv\n\npairs.csv has the columns user_id and "
      "item_id. items.h5 holds the training interactions that histories are made from: handle "
      "it as the data it comes from.\n\n## Provenance\n\n";
  for (const auto& [key, value] : info.provenance) {
    out.append("- ").append(key).append(": ").append(value).append("\n");
  }
  return out;
}

}  // namespace tutti
