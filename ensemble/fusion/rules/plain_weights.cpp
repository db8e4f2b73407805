// Weights that need no search:
//   average      1 / M each
//   performance  proportional to validation performance above chance: max(0, auc - 1/2) for click
//                and rank, 1 / rmse for rating; all equal where no member is above chance
//   parameters   proportional to the parameter count
//   depth        proportional to the number of layers
//   parameters-log, depth-log
//                proportional to log(1 + parameter count), log(1 + layers): ten times the size is
//                not ten times the say
//   best         1 for the member of the best validation performance (the first of equals)
#include "tutti/ensemble/fusion/linear_rule.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tutti {
namespace {

class ByFact final : public LinearRule {
 public:
  ByFact(const std::string& name, FusionOptions options, double MemberFacts::*fact,
         std::string what, bool log)
      : LinearRule(name, std::move(options)), fact_(fact), what_(std::move(what)), log_(log) {}

 protected:
  [[nodiscard]] std::vector<double> fit_weights(const Scores& validation,
                                                const Labels& /*labels*/) const override {
    std::vector<double> raw;
    for (int m = 0; m < validation.members; ++m) {
      const auto index = static_cast<std::size_t>(m);
      const auto& members = options().members;
      const double value = index < members.size() ? members[index].*fact_ : 0.0;
      if (!(value > 0)) {
        throw Error(Code::Config,
                    "fusion rule '" + name() + "': the " + what_ + " of member " +
                        member_name(options(), m) + " is not known",
                    "take '" + name() + "' out of the candidates");
      }
      raw.push_back(log_ ? std::log1p(value) : value);
    }
    return normalised(std::move(raw));
  }
  [[nodiscard]] bool needs_labels() const override { return false; }

 private:
  double MemberFacts::*fact_;
  std::string what_;
  bool log_;
};

const bool registered_average = add_weights_rule(
    "average", "arithmetic mean of the scores",
    [](const FusionOptions& /*options*/, const Scores& validation, const Labels& /*labels*/) {
      return normalised(std::vector<double>(static_cast<std::size_t>(validation.members), 1.0));
    },
    /*needs_labels=*/false);
const bool registered_performance = add_weights_rule(
    "performance", "weights by validation performance above chance",
    [](const FusionOptions& options, const Scores& validation, const Labels& labels) {
      return normalised(performance(options, validation, labels));
    });
const bool registered_best = add_weights_rule(
    "best", "the single best member on validation",
    [](const FusionOptions& options, const Scores& validation, const Labels& labels) {
      const std::vector<double> value = performance(options, validation, labels);
      std::vector<double> out(value.size(), 0.0);
      out[static_cast<std::size_t>(std::max_element(value.begin(), value.end()) - value.begin())] =
          1;
      return out;
    });

bool add_by_fact(const char* name, const char* about, double MemberFacts::*fact, const char* what,
                 bool log) {
  return FusionRegistry::add(name, about, [=](const FusionOptions& options) {
    return std::make_unique<ByFact>(name, options, fact, what, log);
  });
}

const bool registered_parameters = add_by_fact("parameters", "weights by parameter count",
                                               &MemberFacts::parameters, "parameter count", false);
const bool registered_parameters_log =
    add_by_fact("parameters-log", "weights by the log of the parameter count",
                &MemberFacts::parameters, "parameter count", true);
const bool registered_depth = add_by_fact("depth", "weights by number of layers",
                                          &MemberFacts::layers, "number of layers", false);
const bool registered_depth_log =
    add_by_fact("depth-log", "weights by the log of the number of layers", &MemberFacts::layers,
                "number of layers", true);

}  // namespace
}  // namespace tutti
