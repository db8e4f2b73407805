// Voting. With the share v of votes and the mean m of the scores, both with the weights of the
// voters, the fused score of M members is (M v + m) / (M + 1): with equal weights the votes decide
// and the mean only breaks ties.
//   vote           a member votes for a row that it scores at least `threshold`; equal weights
//   vote-weighted  the same, weights as rule "performance"
//   vote-top-k     a member votes for the `top_k` rows of each user that it scores highest; rows
//                  tied at the edge share the places left, in equal parts. A row's fused score
//                  depends on the user's other rows in the batch: score whole lists.
// For ratings vote and vote-weighted give the (weighted) median, the value that half of the votes
// call too high and half too low; vote-top-k predicts no rating.
#include "tutti/ensemble/fusion/linear_rule.hpp"
#include "tutti/ensemble/fusion/rule_state.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace tutti {
namespace {

// The score at which half of the weight lies below; the middle of two where the half falls between.
double weighted_median(std::vector<std::pair<double, double>> score_weight) {
  std::sort(score_weight.begin(), score_weight.end());
  constexpr double kRounding = 1e-12;
  double below = 0;
  for (std::size_t i = 0; i < score_weight.size(); ++i) {
    below += score_weight[i].second;
    if (below < 0.5 - kRounding) continue;
    std::size_t next = i + 1;
    while (next < score_weight.size() && score_weight[next].second == 0) ++next;
    if (below < 0.5 + kRounding && next < score_weight.size()) {
      return 0.5 * (score_weight[i].first + score_weight[next].first);
    }
    return score_weight[i].first;
  }
  return score_weight.back().first;
}

class Vote : public CheckedRule {
 public:
  Vote(const std::string& name, const FusionOptions& options, bool by_performance)
      : CheckedRule(name, options), by_performance_(by_performance) {}

  // Voting is not linear in the scores: the voters' weights are in the state alone.
  [[nodiscard]] std::vector<double> weights() const override { return {}; }
  [[nodiscard]] std::string state() const override {
    return write_rule_state(name(), {{"weights", {voters_}}});
  }
  void restore(std::string_view json) override { voters_ = read_weights(name(), json); }

 protected:
  void do_fit(const Scores& validation, const Labels& labels) override {
    voters_ = normalised(
        by_performance_ ? performance(options(), validation, labels)
                        : std::vector<double>(static_cast<std::size_t>(validation.members), 1.0));
  }

  void do_fuse(const Scores& in, std::span<double> out) const override {
    if (options().task == "rating") {
      for (std::size_t i = 0; i < out.size(); ++i) {
        std::vector<std::pair<double, double>> votes;
        votes.reserve(voters_.size());
        for (int m = 0; m < in.members; ++m) votes.emplace_back(in.member(m)[i], voters_[at(m)]);
        out[i] = weighted_median(std::move(votes));
      }
      return;
    }
    for (int m = 0; m < in.members; ++m) {
      const auto score = in.member(m);
      const std::vector<double> vote = votes_of(in, m);
      for (std::size_t i = 0; i < out.size(); ++i) {
        out[i] += voters_[at(m)] * (in.members * vote[i] + score[i]);
      }
    }
    for (double& x : out) x /= in.members + 1;
  }

  /// The member's vote for each row, in [0, 1].
  [[nodiscard]] virtual std::vector<double> votes_of(const Scores& in, int member) const {
    std::vector<double> out;
    for (const double s : in.member(member)) out.push_back(s >= options().threshold ? 1.0 : 0.0);
    return out;
  }

  [[nodiscard]] int members() const override { return static_cast<int>(voters_.size()); }
  [[nodiscard]] bool needs_labels() const override { return by_performance_; }

 private:
  static std::size_t at(int m) { return static_cast<std::size_t>(m); }

  bool by_performance_;
  std::vector<double> voters_;
};

class VoteTopK final : public Vote {
 public:
  explicit VoteTopK(const FusionOptions& options) : Vote("vote-top-k", options, false) {
    refuse_rating(name(), options);
    if (options.top_k < 1) {
      throw Error(Code::Config, "fusion rule 'vote-top-k': top_k must be at least 1, it is " +
                                    std::to_string(options.top_k));
    }
  }

 protected:
  [[nodiscard]] std::vector<double> votes_of(const Scores& in, int member) const override {
    const auto score = in.member(member);
    std::vector<std::size_t> order(score.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return in.user[a] != in.user[b] ? in.user[a] < in.user[b] : score[a] > score[b];
    });
    std::vector<double> out(score.size(), 0.0);
    double places = options().top_k;
    for (std::size_t i = 0; i < order.size();) {
      const std::size_t row = order[i];
      if (i == 0 || in.user[row] != in.user[order[i - 1]]) places = options().top_k;
      std::size_t end = i;
      while (end < order.size() && in.user[order[end]] == in.user[row] &&
             score[order[end]] == score[row]) {
        ++end;
      }
      const auto tied = static_cast<double>(end - i);
      const double vote = std::min(1.0, places / tied);
      for (; i < end; ++i) out[order[i]] = vote;
      places = std::max(0.0, places - tied);
    }
    return out;
  }
};

const bool registered_vote = FusionRegistry::add(
    "vote", "majority of scores above the threshold (rating: median)",
    [](const FusionOptions& options) { return std::make_unique<Vote>("vote", options, false); });
const bool registered_weighted = FusionRegistry::add(
    "vote-weighted", "majority with weights by validation performance (rating: weighted median)",
    [](const FusionOptions& options) {
      return std::make_unique<Vote>("vote-weighted", options, true);
    });
const bool registered_top_k = FusionRegistry::add(
    "vote-top-k", "votes from each user's top-k list of every member",
    [](const FusionOptions& options) { return std::make_unique<VoteTopK>(options); });

}  // namespace
}  // namespace tutti
