// What every registered rule must hold, found by the registry: a new rule is tested unnamed.
#include "tutti/data/error.hpp"
#include "tutti/ensemble/fusion/normalise.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#include "table.hpp"

namespace tutti {
namespace {

using testing::clicks;
using ::testing::HasSubstr;
using testing::Table;

class EveryRule : public ::testing::TestWithParam<std::string> {
 protected:
  static Table table() { return clicks(20, 15, {0.3, 0.6, 1.0}, 5); }

  static std::vector<double> fuse(const FusionRule& rule, const Table& t) {
    std::vector<double> out(t.user.size());
    rule.fuse(t.scores(), out);
    return out;
  }

  static std::unique_ptr<FusionRule> fitted(const Table& t, const FusionOptions& options) {
    auto rule = make_rule(GetParam(), options);
    rule->fit(t.scores(), t.labels());
    return rule;
  }
};

TEST_P(EveryRule, weights_are_a_point_of_the_simplex) {
  const std::vector<double> w = fitted(table(), testing::facts(3))->weights();
  if (w.empty()) return;
  ASSERT_EQ(w.size(), 3U);
  EXPECT_NEAR(std::accumulate(w.begin(), w.end(), 0.0), 1.0, 1e-12);
  for (const double x : w) EXPECT_GE(x, 0.0);
}

TEST_P(EveryRule, fused_scores_are_probabilities) {
  const Table t = table();
  for (const double p : fuse(*fitted(t, testing::facts(3)), t)) {
    EXPECT_GE(p, 0.0);
    EXPECT_LE(p, 1.0);
  }
}

TEST_P(EveryRule, restored_state_fuses_to_the_same_bits) {
  const Table t = table();
  const auto rule = fitted(t, testing::facts(3));
  const auto other = make_rule(GetParam(), testing::facts(3));
  other->restore(rule->state());
  EXPECT_EQ(fuse(*other, t), fuse(*rule, t));
  EXPECT_EQ(other->weights(), rule->weights());
  EXPECT_EQ(other->state(), rule->state());
}

TEST_P(EveryRule, fit_starts_afresh) {
  const Table t = table();
  const auto rule = fitted(clicks(10, 20, {2.0, 0.2, 0.4}, 77), testing::facts(3));
  rule->fit(t.scores(), t.labels());
  EXPECT_EQ(rule->state(), fitted(t, testing::facts(3))->state());
}

TEST_P(EveryRule, the_order_of_members_does_not_matter) {
  const Table t = table();
  Table turned = t;
  std::rotate(turned.values.begin(), turned.values.begin() + 300, turned.values.end());
  FusionOptions options = testing::facts(3);
  const std::vector<double> plain = fuse(*fitted(t, options), t);
  std::rotate(options.members.begin(), options.members.begin() + 1, options.members.end());
  const std::vector<double> rotated = fuse(*fitted(turned, options), turned);
  for (std::size_t i = 0; i < plain.size(); ++i) EXPECT_NEAR(plain[i], rotated[i], 1e-6) << i;
}

// What a place is worth is learned, place by place: a lower one may be worth more.
bool orders_by_learned_places(const std::string& rule) {
  const std::vector<std::string> names = {"bayes-fuse", "pos-fuse", "prob-fuse", "seg-fuse",
                                          "slide-fuse"};
  return std::find(names.begin(), names.end(), rule) != names.end();
}

TEST_P(EveryRule, equal_members_keep_the_order_of_their_rows) {
  if (orders_by_learned_places(GetParam())) return;
  Table t = clicks(20, 15, {0.5}, 6);
  t.values.insert(t.values.end(), t.values.begin(), t.values.begin() + 300);
  t.members = 2;
  const std::vector<double> fused = fuse(*fitted(t, testing::facts(2)), t);
  for (std::size_t i = 1; i < fused.size(); ++i) {
    if (t.user[i] != t.user[i - 1]) continue;
    const double step = t.values[i] - t.values[i - 1];
    EXPECT_GE((fused[i] - fused[i - 1]) * step, 0.0) << i;
  }
}

TEST_P(EveryRule, a_score_that_is_not_finite_names_member_and_row) {
  Table t = table();
  t.values[300 + 17] = std::numeric_limits<double>::quiet_NaN();
  const auto rule = fitted(table(), testing::facts(3));
  std::vector<double> out(t.user.size());
  for (const bool fitting : {true, false}) {
    try {
      if (fitting) {
        make_rule(GetParam(), testing::facts(3))->fit(t.scores(), t.labels());
      } else {
        rule->fuse(t.scores(), out);
      }
      ADD_FAILURE() << "accepted nan; fitting: " << fitting;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::Data);
      EXPECT_THAT(error.what(), HasSubstr("'member1', row 17"));
    }
  }
}

TEST_P(EveryRule, refuses_what_is_not_its_state) {
  const auto rule = make_rule(GetParam(), testing::facts(3));
  for (const char* bad : {"", "[]", "{}", "{\"rule\": \"other\"}", "{\"rule\": 3}"}) {
    EXPECT_THROW(rule->restore(bad), Error) << bad;
  }
}

TEST_P(EveryRule, one_member_one_user_one_class_are_fine) {
  Table t;
  t.members = 1;
  t.values = {0.2, 0.4, 0.4};
  t.user = {0, 0, 0};
  t.label = {1, 1, 1};
  const std::vector<double> fused = fuse(*fitted(t, testing::facts(1)), t);
  EXPECT_LE(fused[0], fused[1]);
  EXPECT_EQ(fused[1], fused[2]);
}

// Every rule, and every normaliser before a rule on scores and one on ranks.
std::vector<std::string> all_rules() {
  std::vector<std::string> out = FusionRegistry::names();
  for (const std::string& normaliser : NormaliserRegistry::names()) {
    out.push_back(normaliser + "+average");
    out.push_back(normaliser + "+rrf");
  }
  return out;
}

INSTANTIATE_TEST_SUITE_P(Rules, EveryRule, ::testing::ValuesIn(all_rules()), [](const auto& rule) {
  std::string name = rule.param;
  std::replace(name.begin(), name.end(), '-', '_');
  std::replace(name.begin(), name.end(), '+', '_');
  return name;
});

TEST(MakeRule, an_unknown_normaliser_or_rule_names_the_nearest) {
  for (const auto& [name, near] :
       {std::pair{"min-mx+learned", "min-max"}, {"rank+lerned", "learned"}}) {
    EXPECT_FALSE(has_rule(name));
    try {
      make_rule(name, testing::facts(2));
      ADD_FAILURE() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::Config);
      EXPECT_THAT(error.what(), HasSubstr(std::string("did you mean '") + near));
    }
  }
  EXPECT_TRUE(has_rule("rank+learned"));
}

TEST(PlainWeights, follow_their_formula) {
  const Table t = clicks(20, 15, {0.3, 0.6, 1.0}, 5);
  const auto weights = [&](const char* name) {
    const auto rule = FusionRegistry::make(name, testing::facts(3));
    rule->fit(t.scores(), t.labels());
    return rule->weights();
  };
  EXPECT_EQ(weights("average"), (std::vector<double>{1.0 / 3, 1.0 / 3, 1.0 / 3}));
  EXPECT_EQ(weights("parameters"), (std::vector<double>{1.0 / 6, 2.0 / 6, 3.0 / 6}));
  EXPECT_EQ(weights("depth"), (std::vector<double>{1.0 / 6, 2.0 / 6, 3.0 / 6}));
  EXPECT_EQ(weights("best"), (std::vector<double>{1, 0, 0}));
}

TEST(PlainWeights, missing_facts_are_an_error_that_names_the_member) {
  const Table t = clicks(4, 4, {0.3, 0.6}, 5);
  FusionOptions options = testing::facts(2);
  options.members[1].parameters = 0;
  try {
    FusionRegistry::make("parameters", options)->fit(t.scores(), t.labels());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::Config);
    EXPECT_THAT(error.what(), HasSubstr("parameter count of member 'member1'"));
  }
}

TEST(PlainWeights, performance_is_auc_above_chance) {
  Table t;
  t.members = 3;
  t.user = {0, 0, 0, 0};
  t.label = {0, 0, 1, 1};
  t.values = {.1, .2, .8, .9,   // auc 1
              .1, .8, .2, .9,   // auc 3/4
              .9, .8, .2, .1};  // auc 0: below chance counts 0
  const auto rule = FusionRegistry::make("performance", testing::facts(3));
  rule->fit(t.scores(), t.labels());
  EXPECT_DOUBLE_EQ(rule->weights()[0], 2.0 / 3);
  EXPECT_DOUBLE_EQ(rule->weights()[1], 1.0 / 3);
  EXPECT_EQ(rule->weights()[2], 0.0);
}

}  // namespace
}  // namespace tutti
