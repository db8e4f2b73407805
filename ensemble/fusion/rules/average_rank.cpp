// average-rank: the mean over members of the share of validation rows that the member scores below
// this score (ties one half): members of unlike scale or calibration count alike. A score between
// two of validation is interpolated, one outside them gets the share of the nearest.
//
// The ranks are those of the validation scores, not of the batch to score: the fused score of a row
// does not depend on which other rows are scored with it.
#include "tutti/ensemble/fusion/checked_rule.hpp"
#include "tutti/ensemble/fusion/rule_state.hpp"

#include <algorithm>
#include <functional>

namespace tutti {
namespace {

constexpr std::size_t kMostKnots = 512;  // of the curve that is stored for each member

// Score -> share of validation rows below it, at rising scores.
struct Curve {
  std::vector<double> score;
  std::vector<double> share;

  [[nodiscard]] double at(double s) const {
    const auto above = std::upper_bound(score.begin(), score.end(), s);
    if (above == score.begin()) return share.front();
    if (above == score.end()) return share.back();
    const auto hi = static_cast<std::size_t>(above - score.begin());
    const double t = (s - score[hi - 1]) / (score[hi] - score[hi - 1]);
    return share[hi - 1] + t * (share[hi] - share[hi - 1]);
  }
};

Curve curve_of(std::span<const double> scores) {
  std::vector<double> sorted(scores.begin(), scores.end());
  std::sort(sorted.begin(), sorted.end());
  Curve all;
  for (std::size_t i = 0; i < sorted.size();) {
    std::size_t end = i;
    while (end < sorted.size() && sorted[end] == sorted[i]) ++end;
    all.score.push_back(sorted[i]);
    all.share.push_back(0.5 * static_cast<double>(i + end) / static_cast<double>(sorted.size()));
    i = end;
  }
  if (all.score.size() <= kMostKnots) return all;
  Curve some;
  for (std::size_t k = 0; k < kMostKnots; ++k) {
    const std::size_t i = k * (all.score.size() - 1) / (kMostKnots - 1);
    some.score.push_back(all.score[i]);
    some.share.push_back(all.share[i]);
  }
  return some;
}

class AverageRank final : public CheckedRule {
 public:
  explicit AverageRank(const FusionOptions& options) : CheckedRule("average-rank", options) {
    refuse_rating(name(), options);
  }

  [[nodiscard]] std::vector<double> weights() const override { return {}; }

  [[nodiscard]] std::string state() const override {
    RuleArrays arrays = {{"scores", {}}, {"shares", {}}};
    for (const Curve& curve : curves_) {
      arrays[0].second.push_back(curve.score);
      arrays[1].second.push_back(curve.share);
    }
    return write_rule_state(name(), arrays);
  }

  void restore(std::string_view json) override {
    const auto scores = read_rule_state(name(), json, "scores");
    const auto shares = read_rule_state(name(), json, "shares");
    bool good = !scores.empty() && scores.size() == shares.size();
    for (std::size_t m = 0; good && m < scores.size(); ++m) {
      good = !scores[m].empty() && scores[m].size() == shares[m].size() &&
             std::adjacent_find(scores[m].begin(), scores[m].end(), std::greater_equal<>()) ==
                 scores[m].end() &&
             std::all_of(shares[m].begin(), shares[m].end(),
                         [](double x) { return x >= 0 && x <= 1; });
    }
    if (!good) {
      throw Error(Code::Data, "state of fusion rule '" + name() +
                                  "': a curve of rising scores and their shares was expected");
    }
    curves_.clear();
    for (std::size_t m = 0; m < scores.size(); ++m) curves_.push_back({scores[m], shares[m]});
  }

 protected:
  void do_fit(const Scores& validation, const Labels& /*labels*/) override {
    if (validation.rows == 0) {
      throw Error(Code::Data, "fusion rule '" + name() + "': there are no validation rows",
                  "make the validation part larger");
    }
    curves_.clear();
    for (int m = 0; m < validation.members; ++m) curves_.push_back(curve_of(validation.member(m)));
  }

  void do_fuse(const Scores& in, std::span<double> out) const override {
    for (int m = 0; m < in.members; ++m) {
      const auto score = in.member(m);
      const Curve& curve = curves_[static_cast<std::size_t>(m)];
      for (std::size_t i = 0; i < out.size(); ++i) out[i] += curve.at(score[i]);
    }
    for (double& x : out) x /= in.members;
  }

  [[nodiscard]] int members() const override { return static_cast<int>(curves_.size()); }
  [[nodiscard]] bool needs_labels() const override { return false; }

 private:
  std::vector<Curve> curves_;
};

const bool registered = FusionRegistry::add(
    "average-rank", "mean of the members' ranks among their validation scores",
    [](const FusionOptions& options) { return std::make_unique<AverageRank>(options); });

}  // namespace
}  // namespace tutti
