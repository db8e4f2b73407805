// The weights of least loss on validation over the simplex, found to a proven gap.
//   learned        click, rank: log-loss of the mixture; rating: squared error
//   least-squares  squared error (click, rank: of the probability)
#include "tutti/ensemble/fusion/linear_rule.hpp"
#include "tutti/ensemble/fusion/mixture.hpp"

namespace tutti {
namespace {

class Learned final : public LinearRule {
 public:
  Learned(const std::string& name, const FusionOptions& options, MixtureLoss::Kind kind)
      : LinearRule(name, options), kind_(kind) {
    if (kind == MixtureLoss::Kind::NegativeLog) refuse_open(name, options);
  }

 protected:
  [[nodiscard]] std::vector<double> fit_weights(const Scores& validation,
                                                const Labels& labels) const override {
    const MixtureLoss loss(kind_, validation, targets(options(), labels));
    return minimise_on_simplex(validation.members,
                               [&](std::span<const double> w) { return loss.at(w); })
        .weights;
  }

 private:
  MixtureLoss::Kind kind_;
};

const bool registered = FusionRegistry::add(
    "learned", "weights of least log-loss (rating: squared error) on validation",
    [](const FusionOptions& options) {
      return std::make_unique<Learned>(
          "learned", options,
          options.task == "rating" ? MixtureLoss::Kind::Squared : MixtureLoss::Kind::NegativeLog);
    });
const bool registered_squares = FusionRegistry::add(
    "least-squares", "weights of least squared error on validation",
    [](const FusionOptions& options) {
      return std::make_unique<Learned>("least-squares", options, MixtureLoss::Kind::Squared);
    });

}  // namespace
}  // namespace tutti
