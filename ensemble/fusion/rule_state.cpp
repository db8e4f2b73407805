#include "tutti/ensemble/fusion/rule_state.hpp"

#include "tutti/data/error.hpp"

#include <nlohmann/json.hpp>

#include <cmath>

namespace tutti {

std::string write_rule_state(const std::string& rule, const RuleArrays& arrays) {
  nlohmann::ordered_json out;
  out["rule"] = rule;
  for (const auto& [key, value] : arrays) out[key] = value;
  return out.dump();
}

std::vector<std::vector<double>> read_rule_state(const std::string& rule, std::string_view json,
                                                 const std::string& key) {
  const std::string what = "state of fusion rule '" + rule + "': ";
  const auto parsed = nlohmann::json::parse(json, nullptr, false);
  if (!parsed.is_object()) throw Error(Code::Data, what + "not a JSON object");
  if (!parsed.contains("rule") || parsed["rule"] != rule) {
    throw Error(Code::Data, what + "it belongs to rule " +
                                (parsed.contains("rule") ? parsed["rule"].dump() : "(none)"));
  }
  if (!parsed.contains(key)) throw Error(Code::Data, what + "'" + key + "' is missing");
  std::vector<std::vector<double>> out;
  try {
    out = parsed[key].get<std::vector<std::vector<double>>>();
  } catch (const nlohmann::json::exception&) {
    throw Error(Code::Data, what + "'" + key + "' is not a list of lists of numbers");
  }
  bool finite = true;
  for (const auto& list : out) {
    for (const double x : list) finite = finite && std::isfinite(x);
  }
  if (!finite) throw Error(Code::Data, what + "'" + key + "' has a number that is not finite");
  return out;
}

double read_number(const std::string& rule, std::string_view json, const std::string& key,
                   double low) {
  const auto lists = read_rule_state(rule, json, key);
  if (lists.size() != 1 || lists[0].size() != 1 || lists[0][0] < low) {
    throw Error(Code::Data, "state of fusion rule '" + rule + "': '" + key +
                                "' is not one number from " + std::to_string(low));
  }
  return lists[0][0];
}

int read_members(const std::string& rule, std::string_view json) {
  const auto lists = read_rule_state(rule, json, "members");
  constexpr double kMost = 1e6;
  if (lists.size() != 1 || lists[0].size() != 1 || lists[0][0] < 1 || lists[0][0] > kMost ||
      lists[0][0] != std::floor(lists[0][0])) {
    throw Error(Code::Data,
                "state of fusion rule '" + rule + "': a number of members was expected");
  }
  return static_cast<int>(lists[0][0]);
}

}  // namespace tutti
