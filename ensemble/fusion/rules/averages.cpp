// Averages of all members' scores, row by row:
//   average-geometric  (prod_m s_m)^(1/M): one member that says 0 decides
//   average-power      (1/M sum_m s_m^p)^(1/p), p = `power` (2: quadratic, -1: harmonic, 0:
//                      geometric), of scores that are not negative
//   average-median     the median; the mean of the middle two for an even number of members
//   average-trimmed    the mean without the `trim` share of members (rounded down) at each end
// The parameters are in the state.
#include "tutti/ensemble/fusion/checked_rule.hpp"
#include "tutti/ensemble/fusion/rule_state.hpp"

#include <algorithm>
#include <cmath>

namespace tutti {
namespace {

using OfRow = double (*)(std::vector<double>& scores, double parameter);

double power_mean(std::vector<double>& s, double p) {
  const auto n = static_cast<double>(s.size());
  double sum = 0;
  if (p == 0) {
    for (const double x : s) sum += std::log(x);  // log 0: -infinity, and the mean is 0
    return std::exp(sum / n);
  }
  // In units of the largest (or, for p < 0, the least) score: no power overflows.
  const double unit =
      p > 0 ? *std::max_element(s.begin(), s.end()) : *std::min_element(s.begin(), s.end());
  if (unit == 0) return 0;
  for (const double x : s) sum += std::pow(x / unit, p);
  return unit * std::pow(sum / n, 1 / p);
}

double trimmed_mean(std::vector<double>& s, double share) {
  std::sort(s.begin(), s.end());
  const auto cut = static_cast<std::size_t>(share * static_cast<double>(s.size()));
  double sum = 0;
  for (std::size_t i = cut; i < s.size() - cut; ++i) sum += s[i];
  return sum / static_cast<double>(s.size() - 2 * cut);
}

double median(std::vector<double>& s, double /*parameter*/) {
  std::sort(s.begin(), s.end());
  const std::size_t half = s.size() / 2;
  return s.size() % 2 == 1 ? s[half] : 0.5 * (s[half - 1] + s[half]);
}

struct Shape {
  const char* name;
  const char* about;
  OfRow of_row;
  bool not_negative;
  double low, high;  // of the parameter
  double (*parameter)(const FusionOptions&);
};

class RowAverage final : public CheckedRule {
 public:
  RowAverage(const Shape& shape, const FusionOptions& options)
      : CheckedRule(shape.name, options), shape_(shape), parameter_(shape.parameter(options)) {
    if (!(parameter_ >= shape_.low && parameter_ <= shape_.high)) {
      throw Error(Code::Config, "fusion rule '" + name() + "': its parameter is " +
                                    std::to_string(parameter_) + ", " + std::to_string(shape_.low) +
                                    " to " + std::to_string(shape_.high) + " was expected");
    }
  }

  [[nodiscard]] std::vector<double> weights() const override { return {}; }
  [[nodiscard]] std::string state() const override {
    return write_rule_state(
        name(), {{"members", {{static_cast<double>(members_)}}}, {"parameter", {{parameter_}}}});
  }
  void restore(std::string_view json) override {
    const int members = read_members(name(), json);
    parameter_ = read_number(name(), json, "parameter", shape_.low);
    members_ = members;
  }

 protected:
  void do_fit(const Scores& validation, const Labels& /*labels*/) override {
    members_ = validation.members;
  }

  void do_fuse(const Scores& in, std::span<double> out) const override {
    std::vector<double> scores(static_cast<std::size_t>(in.members));
    for (std::size_t i = 0; i < out.size(); ++i) {
      for (int m = 0; m < in.members; ++m) {
        const double s = in.member(m)[i];
        if (shape_.not_negative && s < 0) {
          throw Error(Code::Data,
                      "fusion rule '" + name() + "': member " + member_name(options(), m) +
                          ", row " + std::to_string(i) + " (from 0): the score is " +
                          std::to_string(s) + ", it must not be negative",
                      "normalise first: 'min-max+" + name() + "'");
        }
        scores[static_cast<std::size_t>(m)] = s;
      }
      out[i] = shape_.of_row(scores, parameter_);
    }
  }

  [[nodiscard]] int members() const override { return members_; }
  [[nodiscard]] bool needs_labels() const override { return false; }

 private:
  Shape shape_;
  double parameter_;
  int members_ = 0;
};

bool add(const Shape& shape) {
  return FusionRegistry::add(shape.name, shape.about, [shape](const FusionOptions& options) {
    return std::make_unique<RowAverage>(shape, options);
  });
}

constexpr double kMostPower = 1000;
double nothing(const FusionOptions& /*options*/) { return 0; }

const bool registered_geometric =
    add({"average-geometric", "geometric mean of the scores", power_mean, true, 0, 0, nothing});
const bool registered_power =
    add({"average-power", "power mean of the scores", power_mean, true, -kMostPower, kMostPower,
         [](const FusionOptions& options) { return options.power; }});
const bool registered_median =
    add({"average-median", "median of the scores", median, false, 0, 0, nothing});
const bool registered_trimmed =
    add({"average-trimmed", "mean of the scores without the extreme members", trimmed_mean, false,
         0, 0.49, [](const FusionOptions& options) { return options.trim; }});

}  // namespace
}  // namespace tutti
