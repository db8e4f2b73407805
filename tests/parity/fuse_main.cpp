// parity_fuse: fits and fuses for tests/parity/test_fusion.py. Reads a JSON request a line, prints
// a JSON result a line.
//   {"rule", "task", "open", "user", "values" [member][row], "label", "present" [member][row],
//    "segment", "state", "options": {name: number}}
// label, present, segment, state and options may be missing; with a state the rule is restored and
// not fitted. Result: {"fused", "weights", "state"} or {"error"}.
#include "tutti/data/error.hpp"
#include "tutti/ensemble/fusion_rule.hpp"

#include <nlohmann/json.hpp>

#include <iostream>
#include <string>
#include <vector>

namespace {

using nlohmann::json;

struct Request {
  std::vector<double> values;
  std::vector<std::uint8_t> present;
  std::vector<std::int32_t> user;
  std::vector<std::int32_t> segment;
  std::vector<double> label;
  tutti::FusionOptions options;
  tutti::Scores scores;

  explicit Request(const json& in) : user(in.at("user").get<std::vector<std::int32_t>>()) {
    for (const auto& member : in.at("values")) {
      for (const auto& x : member) values.push_back(x.get<double>());
    }
    for (const auto& member : in.value("present", json::array())) {
      for (const auto& x : member) present.push_back(x.get<int>() != 0 ? 1 : 0);
    }
    segment = in.value("segment", segment);
    label = in.value("label", label);
    options.task = in.value("task", "click");
    options.open_scores = in.value("open", false);
    const json given = in.value("options", json::object());
    options.positive = given.value("positive", options.positive);
    options.power = given.value("power", options.power);
    options.trim = given.value("trim", options.trim);
    options.temperature = given.value("temperature", options.temperature);
    options.penalty = given.value("penalty", options.penalty);
    options.rrf_k = given.value("rrf_k", options.rrf_k);
    options.top_k = given.value("top_k", options.top_k);
    const std::size_t members = in.at("values").size();
    for (std::size_t m = 0; m < members; ++m) {
      const double size = static_cast<double>(m + 1);
      options.members.push_back({"m" + std::to_string(m), 1000 * size, size});
    }
    scores.values = values;
    scores.user = user;
    scores.members = static_cast<int>(members);
    scores.rows = static_cast<std::int64_t>(user.size());
    scores.present = present;
    scores.segment = segment;
  }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;
};

json answer(const json& in) {
  try {
    const Request request(in);
    const auto rule = tutti::make_rule(in.at("rule").get<std::string>(), request.options);
    if (in.contains("state")) {
      rule->restore(in.at("state").dump());
    } else {
      rule->fit(request.scores, {request.label});
    }
    std::vector<double> fused(request.user.size());
    rule->fuse(request.scores, fused);
    return {{"fused", fused}, {"weights", rule->weights()}, {"state", json::parse(rule->state())}};
  } catch (const tutti::Error& error) {
    return {{"error", error.what()}};
  }
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << answer(json::parse(line)).dump() << "\n";
  }
  return 0;
}
