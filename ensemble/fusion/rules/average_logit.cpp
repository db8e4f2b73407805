// average-logit: the mean of the members' log-odds, as a probability: the geometric mean of the
// odds. Scores are cut to [1e-12, 1 - 1e-12] first, so that one sure member cannot have infinite
// say.
#include "tutti/ensemble/fusion/checked_rule.hpp"
#include "tutti/ensemble/fusion/rule_state.hpp"

#include <algorithm>
#include <cmath>

namespace tutti {
namespace {

class AverageLogit final : public CheckedRule {
 public:
  explicit AverageLogit(const FusionOptions& options) : CheckedRule("average-logit", options) {
    refuse_rating(name(), options);
    refuse_open(name(), options);
  }

  [[nodiscard]] std::vector<double> weights() const override { return {}; }

  [[nodiscard]] std::string state() const override {
    return write_rule_state(name(), {{"members", {{static_cast<double>(members_)}}}});
  }

  void restore(std::string_view json) override { members_ = read_members(name(), json); }

 protected:
  void do_fit(const Scores& validation, const Labels& /*labels*/) override {
    members_ = validation.members;
  }

  void do_fuse(const Scores& in, std::span<double> out) const override {
    constexpr double kEdge = 1e-12;
    for (int m = 0; m < in.members; ++m) {
      const auto score = in.member(m);
      for (std::size_t i = 0; i < out.size(); ++i) {
        const double p = std::clamp(score[i], kEdge, 1 - kEdge);
        out[i] += std::log(p / (1 - p));
      }
    }
    for (double& x : out) x = 1 / (1 + std::exp(-x / in.members));
  }

  [[nodiscard]] int members() const override { return members_; }
  [[nodiscard]] bool needs_labels() const override { return false; }

 private:
  int members_ = 0;
};

const bool registered = FusionRegistry::add(
    "average-logit", "mean of the log-odds (geometric mean of the odds)",
    [](const FusionOptions& options) { return std::make_unique<AverageLogit>(options); });

}  // namespace
}  // namespace tutti
