#include "tutti/ensemble/fusion/report.hpp"

#include <nlohmann/json.hpp>

#include <cmath>

namespace tutti {

namespace {

using Json = nlohmann::ordered_json;

Json number(double x) { return std::isfinite(x) ? Json(x) : Json(nullptr); }

Json to_json(const Interval& i) {
  return {{"value", number(i.value)}, {"low", number(i.low)}, {"high", number(i.high)}};
}

Json by_metric(const ReportData& data, const std::vector<Interval>& values) {
  Json out = Json::object();
  for (std::size_t k = 0; k < values.size() && k < data.metrics.size(); ++k) {
    out[data.metrics[k]] = to_json(values[k]);
  }
  return out;
}

Json to_json(const Comparison& c) {
  return {{"system", c.system},
          {"baseline", c.baseline},
          {"difference", to_json(c.difference)},
          {"p", number(c.p)},
          {"outcome", std::string(to_string(c.outcome))}};
}

Json to_json(const Verdict& v) {
  return {{"protocol", v.protocol},
          {"rule", v.rule},
          {"best_member", v.best_member},
          {"outcome", std::string(to_string(v.against_best.outcome))},
          {"keep", v.keep},
          {"sentence", v.sentence},
          {"comparisons",
           {to_json(v.against_best), to_json(v.against_equal), to_json(v.equal_against_best)}}};
}

Json to_json(const Choice& choice) {
  Json candidates = Json::array();
  for (const RuleScore& c : choice.candidates) {
    Json folds = Json::array();
    for (const double x : c.fold) folds.push_back(number(x));
    candidates.push_back({{"rule", c.rule},
                          {"mean", number(c.mean)},
                          {"standard_error", number(c.standard_error)},
                          {"folds", std::move(folds)},
                          {"failure", c.failure}});
  }
  return {{"rule", choice.rule},
          {"protocol", choice.protocol},
          {"folds", choice.folds},
          {"reason", choice.reason},
          {"candidates", std::move(candidates)}};
}

}  // namespace

std::string report_json(const ReportData& data) {
  Json out;
  out["format"] = "tutti-metrics";
  out["version"] = 1;
  out["title"] = data.title;
  out["task"] = data.task;
  for (const auto& [name, value] : data.facts) out["facts"][name] = value;
  out["level"] = data.level;
  out["metrics"] = data.metrics;
  out["members"] = data.members;
  out["systems"] = Json::array();
  for (const SystemResult& s : data.systems) {
    Json system = {{"name", s.name},
                   {"kind", s.kind},
                   {"marked", s.marked},
                   {"validation", by_metric(data, s.validation)},
                   {"test", by_metric(data, s.test)}};
    if (!s.weights.empty()) system["weights"] = s.weights;
    out["systems"].push_back(std::move(system));
  }
  out["choice"] = to_json(data.choice);
  out["verdict"] = to_json(data.verdict);
  out["member_values"] = Json::array();
  for (const MemberValue& v : data.member_values) {
    out["member_values"].push_back({{"member", v.member},
                                    {"gain", to_json(v.gain)},
                                    {"outcome", std::string(to_string(v.outcome))}});
  }
  out["diversity"] = Json::array();
  for (const PairDiversity& d : data.diversity) {
    out["diversity"].push_back({{"members",
                                 {data.members.at(static_cast<std::size_t>(d.a)),
                                  data.members.at(static_cast<std::size_t>(d.b))}},
                                {"error_correlation", number(d.error_correlation)},
                                {"disagreement", number(d.disagreement)},
                                {"q", number(d.q)}});
  }
  out["failed"] = Json::array();
  for (const auto& [member, reason] : data.failed) {
    out["failed"].push_back({{"member", member}, {"reason", reason}});
  }
  // Replace: a name that is no UTF-8 must not lose the numbers.
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace tutti
