#include "tutti/ensemble/fusion/linear_rule.hpp"

#include "tutti/ensemble/fusion/rule_state.hpp"

#include <cmath>
#include <memory>

namespace tutti {

namespace {

class WeightsRule final : public LinearRule {
 public:
  WeightsRule(const std::string& name, const FusionOptions& options, WeightsOf of, bool wants)
      : LinearRule(name, options), weights_of_(of), needs_labels_(wants) {}

 protected:
  [[nodiscard]] std::vector<double> fit_weights(const Scores& validation,
                                                const Labels& labels) const override {
    return weights_of_(options(), validation, labels);
  }
  [[nodiscard]] bool needs_labels() const override { return needs_labels_; }

 private:
  WeightsOf weights_of_;
  bool needs_labels_;
};

}  // namespace

bool add_weights_rule(const char* name, const char* about, WeightsOf weights, bool needs_labels) {
  return FusionRegistry::add(name, about, [=](const FusionOptions& options) {
    return std::make_unique<WeightsRule>(name, options, weights, needs_labels);
  });
}

std::vector<double> read_weights(const std::string& rule, std::string_view json) {
  const auto lists = read_rule_state(rule, json, "weights");
  if (lists.size() != 1 || lists[0].empty()) {
    throw Error(Code::Data,
                "state of fusion rule '" + rule + "': one list of weights was expected");
  }
  constexpr double kSumTolerance = 1e-9;  // rounding of a sum of a few numbers, and much more
  double sum = 0;
  bool negative = false;
  for (const double w : lists[0]) {
    sum += w;
    negative = negative || w < 0;
  }
  if (negative || std::abs(sum - 1) > kSumTolerance) {
    throw Error(Code::Data,
                "state of fusion rule '" + rule +
                    "': the weights must not be negative and must sum to 1, the sum is " +
                    std::to_string(sum));
  }
  return lists[0];
}

void LinearRule::do_fit(const Scores& validation, const Labels& labels) {
  weights_ = fit_weights(validation, labels);
}

void LinearRule::do_fuse(const Scores& in, std::span<double> out) const {
  for (int m = 0; m < in.members; ++m) {
    const auto member = in.member(m);
    const double w = weights_[static_cast<std::size_t>(m)];
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += w * member[i];
  }
}

std::string LinearRule::state() const {
  return write_rule_state(name(), {{"weights", {weights_}}});
}

void LinearRule::restore(std::string_view json) { weights_ = read_weights(name(), json); }

}  // namespace tutti
