#include "tutti/ensemble/fusion/diversity.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "table.hpp"

namespace tutti {
namespace {

using testing::Table;

TEST(Diversity, counts_who_is_right_where) {
  // Right: member 0 on rows 0 1 2, member 1 on rows 0 1 3; both wrong on row 4.
  Table t;
  t.members = 2;
  t.user = {0, 0, 0, 0, 0};
  t.label = {1, 0, 1, 0, 1};
  t.values = {0.9, 0.1, 0.8, 0.7, 0.2, 0.6, 0.4, 0.3, 0.2, 0.1};
  const auto pairs = member_diversity(t.scores(), t.labels(), testing::facts(2));
  ASSERT_EQ(pairs.size(), 1U);
  EXPECT_DOUBLE_EQ(pairs[0].disagreement, 0.4);
  EXPECT_DOUBLE_EQ(pairs[0].q, (2.0 * 1 - 1 * 1) / (2.0 * 1 + 1 * 1));
  // numpy.corrcoef of the two rows of score - label
  EXPECT_NEAR(pairs[0].error_correlation, 0.8170260538425239, 1e-9);
}

TEST(Diversity, a_clone_is_no_help) {
  Table t = testing::clicks(20, 10, {0.5}, 1);
  t.values.insert(t.values.end(), t.values.begin(), t.values.begin() + 200);
  t.members = 2;
  const auto pairs = member_diversity(t.scores(), t.labels(), testing::facts(2));
  EXPECT_NEAR(pairs[0].error_correlation, 1.0, 1e-12);
  EXPECT_EQ(pairs[0].disagreement, 0.0);
  EXPECT_EQ(pairs[0].q, 1.0);
}

TEST(Diversity, ratings_are_right_within_half_a_step_and_all_pairs_come_in_order) {
  FusionOptions options = testing::facts(3);
  options.task = "rating";
  Table t;
  t.members = 3;
  t.user = {0, 1};
  t.label = {4, 2};
  t.values = {4.5, 2.0, 4.6, 2.0, 4.0, 2.0};
  const auto pairs = member_diversity(t.scores(), t.labels(), options);
  ASSERT_EQ(pairs.size(), 3U);
  EXPECT_DOUBLE_EQ(pairs[0].disagreement, 0.5);
  EXPECT_DOUBLE_EQ(pairs[1].disagreement, 0.0);
  EXPECT_EQ(pairs[1].a, 0);
  EXPECT_EQ(pairs[1].b, 2);
  EXPECT_TRUE(std::isnan(pairs[1].error_correlation));  // member 2 errs nowhere
}

}  // namespace
}  // namespace tutti
