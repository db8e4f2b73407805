// A rule behind a normaliser: "min-max+learned". Its state holds both: the normaliser's arrays
// beside {"inner": the rule's state}.
#include "tutti/ensemble/fusion/normalise.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace tutti {

namespace {

class NormalisedRule final : public FusionRule {
 public:
  NormalisedRule(std::string name, std::unique_ptr<Normaliser> normaliser,
                 std::unique_ptr<FusionRule> inner, FusionOptions options)
      : name_(std::move(name)),
        normaliser_(std::move(normaliser)),
        inner_(std::move(inner)),
        options_(std::move(options)) {}

  void fit(const Scores& validation, const Labels& labels) override {
    check_scores(name_, options_, validation, true);
    normaliser_->fit(validation, labels);
    const NormalisedScores normalised = made(validation);
    inner_->fit(scores_of(validation, normalised), labels);
  }

  void fuse(const Scores& in, std::span<double> out) const override {
    check_scores(name_, options_, in, true);
    const NormalisedScores normalised = made(in);
    inner_->fuse(scores_of(in, normalised), out);
    if (!normaliser_->open() || options_.open_scores) return;
    for (double& x : out) x = 1 / (1 + std::exp(-x));  // the same order, in [0, 1]
  }

  // The inner rule's weights are of normalised scores: they are in the state alone.
  [[nodiscard]] std::vector<double> weights() const override { return {}; }

  [[nodiscard]] std::string state() const override {
    auto out = nlohmann::ordered_json::parse(write_rule_state(name_, normaliser_->state()));
    out["inner"] = nlohmann::ordered_json::parse(inner_->state());
    return out.dump();
  }

  void restore(std::string_view json) override {
    const auto parsed = nlohmann::ordered_json::parse(json, nullptr, false);
    if (!parsed.is_object() || !parsed.contains("inner") || !parsed.contains("rule") ||
        parsed["rule"] != name_) {
      throw Error(Code::Data, "state of fusion rule '" + name_ + "': it is of another rule");
    }
    normaliser_->restore(name_, json);
    inner_->restore(parsed["inner"].dump());
  }

 private:
  [[nodiscard]] NormalisedScores made(const Scores& in) const {
    NormalisedScores out = normaliser_->apply(in);
    const auto* checked = dynamic_cast<const CheckedRule*>(inner_.get());
    // A rule that needs every score gets the least one for a row that a member lacks.
    if (checked == nullptr || !checked->takes_missing()) out.present.clear();
    return out;
  }

  static Scores scores_of(const Scores& in, const NormalisedScores& normalised) {
    Scores out = in;
    out.values = normalised.values;
    out.present = normalised.present;
    return out;
  }

  std::string name_;
  std::unique_ptr<Normaliser> normaliser_;
  std::unique_ptr<FusionRule> inner_;
  FusionOptions options_;
};

// Behind a normaliser that keeps to [0, 1] a rule may have probabilities although the scores are
// open; one that takes open scores is left open, for its fused scores are then not scaled either.
std::unique_ptr<FusionRule> make_inner(const std::string& name, FusionOptions options, bool open) {
  if (options.open_scores && !open) {
    try {
      return FusionRegistry::make(name, std::as_const(options));
    } catch (const Error&) {
      options.open_scores = false;
    }
  }
  options.open_scores = options.open_scores || open;
  return FusionRegistry::make(name, std::as_const(options));
}

}  // namespace

std::unique_ptr<FusionRule> make_rule(const std::string& name, const FusionOptions& options) {
  const std::size_t plus = name.find('+');
  if (plus == std::string::npos) return FusionRegistry::make(name, options);
  auto normaliser = NormaliserRegistry::make(name.substr(0, plus), options);
  auto rule = make_inner(name.substr(plus + 1), options, normaliser->open());
  return std::make_unique<NormalisedRule>(name, std::move(normaliser), std::move(rule), options);
}

bool has_rule(const std::string& name) {
  const std::size_t plus = name.find('+');
  if (plus == std::string::npos) return FusionRegistry::has(name);
  return NormaliserRegistry::has(name.substr(0, plus)) &&
         FusionRegistry::has(name.substr(plus + 1));
}

}  // namespace tutti
