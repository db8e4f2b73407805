#include "tutti/ensemble/metric.hpp"

#include <charconv>
#include <utility>

namespace tutti {

double Metric::evaluate(std::span<const double> score, std::span<const double> label,
                        std::span<const std::int32_t> user,
                        std::span<const double> user_weight) const {
  return prepare(score, label, user)->value(user_weight);
}

std::unique_ptr<Metric> make_metric(const std::string& name, MetricOptions options) {
  const std::size_t at = name.find('@');
  const std::string base = name.substr(0, at);
  if (at != std::string::npos) {
    const char* begin = name.data() + at + 1;
    const char* end = name.data() + name.size();
    const auto [stop, failure] = std::from_chars(begin, end, options.k);
    if (failure != std::errc() || stop != end || options.k < 1) {
      throw Error(Code::Config, "metric '" + name + "': the cut-off after @ is not a whole number",
                  "write for example ndcg@10");
    }
  }
  std::unique_ptr<Metric> metric = MetricRegistry::make(base, std::as_const(options));
  if (at != std::string::npos && metric->protocol().rfind(name + "/", 0) != 0) {
    throw Error(Code::Config, "metric '" + name + "': " + base + " has no cut-off",
                "write '" + base + "'");
  }
  return metric;
}

}  // namespace tutti
