#include "tutti/ensemble/fusion/member_value.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "table.hpp"

namespace tutti {
namespace {

using testing::clicks;
using testing::Table;

std::vector<MemberValue> values_of(const char* rule, const Table& validation, const Table& test) {
  BootstrapOptions options;
  options.replicates = 400;
  return member_values(rule, testing::facts(test.members), validation.scores(), validation.labels(),
                       test.scores(), test.labels(), *make_metric("auc", {}), options);
}

Table with_clone_of_first(Table t) {
  const auto rows = static_cast<std::ptrdiff_t>(t.user.size());
  const std::vector<double> first(t.values.begin(), t.values.begin() + rows);
  t.values.insert(t.values.end(), first.begin(), first.end());
  t.members += 1;
  return t;
}

TEST(MemberValue, a_clone_adds_nothing_and_a_view_of_its_own_does) {
  const auto values = values_of("learned", with_clone_of_first(clicks(150, 15, {0.7, 0.7}, 1)),
                                with_clone_of_first(clicks(200, 15, {0.7, 0.7}, 2)));
  ASSERT_EQ(values.size(), 3U);
  EXPECT_NEAR(values[0].gain.value, 0, 1e-5);
  EXPECT_NEAR(values[2].gain.value, 0, 1e-5);
  EXPECT_EQ(values[1].member, "member1");
  EXPECT_EQ(values[1].outcome, Outcome::Gain);
  EXPECT_GT(values[1].gain.low, 0);
}

TEST(MemberValue, equal_weights_are_better_without_a_bad_member) {
  const auto values = values_of("average", clicks(100, 15, {0.3, 0.3, 4.0}, 1),
                                clicks(200, 15, {0.3, 0.3, 4.0}, 2));
  EXPECT_EQ(values[2].outcome, Outcome::Loss);
  EXPECT_EQ(values[0].outcome, Outcome::Gain);
}

TEST(MemberValue, one_member_has_no_rest) {
  EXPECT_TRUE(values_of("average", clicks(5, 5, {0.3}, 1), clicks(5, 5, {0.3}, 2)).empty());
}

}  // namespace
}  // namespace tutti
