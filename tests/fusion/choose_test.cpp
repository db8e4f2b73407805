#include "tutti/ensemble/fusion/choose.hpp"

#include "tutti/data/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <vector>

#include "table.hpp"

namespace tutti {
namespace {

using testing::clicks;
using ::testing::HasSubstr;
using testing::Table;

Choice choose(const std::vector<std::string>& candidates, const Table& t,
              const ChooseOptions& options = {}, const char* metric = "log-loss") {
  return choose_rule(candidates, testing::facts(t.members), t.scores(), t.labels(),
                     *make_metric(metric, {}), options);
}

TEST(Folds, keep_users_whole_and_even) {
  std::vector<std::int32_t> user;
  for (std::int32_t u = 0; u < 23; ++u) {
    for (std::int32_t r = 0; r <= u % 4; ++r) user.push_back(3 * u);
  }
  const std::vector<int> fold = folds_by_user(user, 5, 1);
  std::map<std::int32_t, std::set<int>> of_user;
  for (std::size_t i = 0; i < user.size(); ++i) of_user[user[i]].insert(fold[i]);
  std::map<int, int> users;
  for (const auto& [u, folds] : of_user) {
    EXPECT_EQ(folds.size(), 1U) << u;
    ++users[*folds.begin()];
  }
  ASSERT_EQ(users.size(), 5U);
  for (const auto& [f, n] : users) EXPECT_TRUE(n == 4 || n == 5) << f;
  EXPECT_EQ(fold, folds_by_user(user, 5, 1));
  EXPECT_NE(fold, folds_by_user(user, 5, 2));
}

// Fails when it is asked to fuse a user that it was fitted on.
class Spy final : public FusionRule {
 public:
  void fit(const Scores& validation, const Labels& labels) override {
    EXPECT_EQ(labels.value.size(), validation.user.size());
    seen_ = {validation.user.begin(), validation.user.end()};
  }
  void fuse(const Scores& in, std::span<double> out) const override {
    for (std::size_t i = 0; i < out.size(); ++i) {
      EXPECT_EQ(seen_.count(in.user[i]), 0U) << "user " << in.user[i] << " leaked into the fit";
      out[i] = in.member(0)[i];
    }
  }
  [[nodiscard]] std::vector<double> weights() const override { return {}; }
  [[nodiscard]] std::string state() const override { return "{}"; }
  void restore(std::string_view /*json*/) override {}

 private:
  std::set<std::int32_t> seen_;
};

TEST(ChooseRule, a_fit_never_sees_the_users_it_is_judged_on) {
  static const bool registered = FusionRegistry::add(
      "test-spy", "", [](const FusionOptions&) { return std::make_unique<Spy>(); });
  ASSERT_TRUE(registered);
  const Table t = clicks(23, 7, {0.5, 0.5}, 1);
  const Choice choice = choose({"test-spy"}, t);
  const std::vector<double> fused = choice.candidates[0].fused;
  EXPECT_EQ(fused, std::vector<double>(t.member(0).begin(), t.member(0).end()));
}

TEST(ChooseRule, takes_learned_weights_where_members_differ_and_says_why) {
  const Table t = clicks(100, 20, {0.2, 3.0}, 4);
  const Choice choice = choose({"average", "learned", "vote"}, t);
  EXPECT_EQ(choice.rule, "learned");
  EXPECT_EQ(choice.folds, 5);
  EXPECT_EQ(choice.protocol, "log-loss/rated/ties=none/all-rows-time");
  EXPECT_THAT(choice.reason, HasSubstr("best mean of 5 folds by user: 0."));
  ASSERT_EQ(choice.candidates.size(), 3U);
  EXPECT_EQ(choice.candidates[1].fold.size(), 5U);
  EXPECT_LT(choice.candidates[1].mean, choice.candidates[0].mean);
}

TEST(ChooseRule, prefers_average_within_one_standard_error_if_told) {
  const Table t = clicks(40, 10, {0.6, 0.6}, 9);
  ChooseOptions options;
  options.prefer_average = true;
  EXPECT_EQ(choose({"learned", "average", "greedy"}, t, options).rule, "average");
  const Table unlike = clicks(100, 20, {0.2, 3.0}, 4);
  EXPECT_EQ(choose({"average", "learned"}, unlike, options).rule, "learned");
}

TEST(ChooseRule, records_a_rule_that_cannot_be_had) {
  FusionOptions fusion = testing::facts(2);
  fusion.members[0].parameters = 0;
  const Table t = clicks(20, 10, {0.5, 0.5}, 2);
  const auto metric = make_metric("auc", {});
  const Choice choice =
      choose_rule({"parameters", "average"}, fusion, t.scores(), t.labels(), *metric, {});
  EXPECT_EQ(choice.rule, "average");
  EXPECT_THAT(choice.candidates[0].failure, HasSubstr("parameter count"));
  EXPECT_THROW(choose_rule({"parameters"}, fusion, t.scores(), t.labels(), *metric, {}), Error);
}

TEST(ChooseRule, refuses_unknown_and_doubled_candidates) {
  const Table t = clicks(20, 10, {0.5, 0.5}, 2);
  EXPECT_THROW(choose({"averge"}, t), Error);
  EXPECT_THROW(choose({"average", "average"}, t), Error);
  EXPECT_THROW(choose({}, t), Error);
}

TEST(ChooseRule, one_user_and_one_class_still_give_a_rule) {
  const Choice one_user = choose({"average", "learned"}, clicks(1, 10, {0.5, 0.5}, 2));
  EXPECT_EQ(one_user.rule, "average");
  EXPECT_EQ(one_user.folds, 0);
  EXPECT_THAT(one_user.reason, HasSubstr("one validation user"));
  Table t = clicks(10, 5, {0.5, 0.5}, 2);
  t.label.assign(t.label.size(), 0.0);
  const Choice one_class = choose({"learned", "average"}, t, {}, "auc");
  EXPECT_EQ(one_class.rule, "learned");
  EXPECT_THAT(one_class.reason, HasSubstr("undefined"));
}

TEST(ChooseRule, is_within_0_001_of_the_oracle_on_20_tables) {
  // N8: the chosen rule, against the candidate that is best on fresh rows of the same kind.
  const std::vector<std::string> candidates = {"average", "average-logit", "performance", "learned",
                                               "greedy",  "vote",          "best"};
  const auto metric = make_metric("auc", {});
  double regret = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Random random(seed, "oracle");
    std::vector<double> noise;
    noise.reserve(4);
    for (int m = 0; m < 4; ++m) noise.push_back(0.2 + 1.8 * random.uniform());
    const Table validation = clicks(150, 20, noise, 2 * seed);
    const Table fresh = clicks(300, 20, noise, 2 * seed + 1);
    const Choice choice = choose(candidates, validation, {}, "auc");
    double best = 0;
    double chosen = 0;
    for (const std::string& name : candidates) {
      const auto rule = FusionRegistry::make(name, testing::facts(4));
      rule->fit(validation.scores(), validation.labels());
      std::vector<double> fused(fresh.user.size());
      rule->fuse(fresh.scores(), fused);
      const double value = metric->evaluate(fused, fresh.label, fresh.user);
      best = std::max(best, value);
      if (name == choice.rule) chosen = value;
    }
    regret += (best - chosen) / 20;
    EXPECT_LE(best - chosen, 0.004) << seed << " " << choice.rule;
  }
  EXPECT_LE(regret, 0.001);
}

}  // namespace
}  // namespace tutti
