#include <gtest/gtest.h>

#include <vector>

#include "table.hpp"

namespace tutti {
namespace {

using testing::Table;

Table table(int members, std::vector<double> values, std::vector<std::int32_t> user) {
  Table t;
  t.members = members;
  t.values = std::move(values);
  t.label.assign(user.size(), 1.0);
  t.label[0] = 0.0;
  t.user = std::move(user);
  return t;
}

std::vector<double> fuse(const char* name, const Table& t, const FusionOptions& options) {
  const auto rule = FusionRegistry::make(name, options);
  rule->fit(t.scores(), t.labels());
  std::vector<double> out(t.user.size());
  rule->fuse(t.scores(), out);
  return out;
}

TEST(Vote, votes_decide_and_the_mean_breaks_ties) {
  const Table t = table(3,
                        {0.9, 0.50, 0.1,   //
                         0.9, 0.50, 0.6,   //
                         0.1, 0.49, 0.6},  //
                        {0, 1, 2});
  const std::vector<double> fused = fuse("vote", t, testing::facts(3));
  EXPECT_DOUBLE_EQ(fused[0], (2.0 + 1.9 / 3) / 4);
  EXPECT_DOUBLE_EQ(fused[1], (2.0 + 1.49 / 3) / 4);  // a score at the threshold is a vote
  EXPECT_DOUBLE_EQ(fused[2], (2.0 + 1.3 / 3) / 4);
}

TEST(Vote, the_weighted_majority_can_be_one_good_member) {
  // Member 0 has auc 1, the others auc 0.5 or less: their votes weigh nothing.
  const Table t = table(3, {0.1, 0.8, 0.9, 0.9, 0.2, 0.3, 0.9, 0.1, 0.1}, {0, 1, 2});
  const std::vector<double> fused = fuse("vote-weighted", t, testing::facts(3));
  EXPECT_DOUBLE_EQ(fused[0], (0 + 0.1) / 4);
  EXPECT_DOUBLE_EQ(fused[1], (3 + 0.8) / 4);
}

TEST(Vote, ratings_get_the_median) {
  FusionOptions options = testing::facts(3);
  options.task = "rating";
  EXPECT_EQ(fuse("vote", table(3, {1, 5, 4.5, 3, 2, 4}, {0, 1}), options),
            (std::vector<double>{2, 4}));
  EXPECT_EQ(fuse("vote", table(2, {1, 5, 3, 2}, {0, 1}), options), (std::vector<double>{2, 3.5}));
}

TEST(VoteTopK, counts_places_in_each_users_list) {
  // Two users, k = 2. Member 0: user 0 ranks rows 0 1 2; member 1 ties rows 1 and 2 for one place.
  FusionOptions options = testing::facts(2);
  options.top_k = 2;
  const Table t = table(2,
                        {0.9, 0.8, 0.1, 0.3,   //
                         0.9, 0.4, 0.4, 0.2},  //
                        {0, 0, 0, 1});
  const std::vector<double> fused = fuse("vote-top-k", t, options);
  EXPECT_DOUBLE_EQ(fused[0], (1 + 1 + 0.9) / 3);
  EXPECT_DOUBLE_EQ(fused[1], (1 + 0.5 + 0.6) / 3);
  EXPECT_DOUBLE_EQ(fused[2], (0 + 0.5 + 0.25) / 3);
  EXPECT_DOUBLE_EQ(fused[3], (1 + 1 + 0.25) / 3);  // a short list: every row is in the top k
}

TEST(VoteTopK, a_tie_uses_up_the_places_of_all_its_rows) {
  FusionOptions options = testing::facts(1);
  options.top_k = 2;
  const std::vector<double> fused =
      fuse("vote-top-k", table(1, {0.9, 0.9, 0.5}, {0, 0, 0}), options);
  EXPECT_DOUBLE_EQ(fused[0], (1 + 0.9) / 2);
  EXPECT_DOUBLE_EQ(fused[2], 0.5 / 2);
}

TEST(Rules, those_that_only_order_refuse_ratings) {
  FusionOptions options = testing::facts(2);
  options.task = "rating";
  for (const char* name : {"vote-top-k", "average-rank", "average-logit"}) {
    EXPECT_THROW(FusionRegistry::make(name, options), Error) << name;
  }
}

TEST(AverageLogit, is_the_geometric_mean_of_the_odds) {
  const Table t = table(2, {0.9, 0.5, 0.5, 0.5}, {0, 1});
  EXPECT_NEAR(fuse("average-logit", t, testing::facts(2))[0], 0.75, 1e-12);  // odds sqrt(9 * 1)
}

TEST(AverageRank, is_the_share_of_validation_scores_below) {
  Table t = table(1, {0.1, 0.2, 0.2, 0.9}, {0, 0, 0, 0});
  const auto rule = FusionRegistry::make("average-rank", testing::facts(1));
  rule->fit(t.scores(), t.labels());
  t.values = {0.0, 0.15, 0.2, 1.0};
  std::vector<double> out(4);
  rule->fuse(t.scores(), out);
  EXPECT_DOUBLE_EQ(out[0], 0.125);
  EXPECT_DOUBLE_EQ(out[1], 0.3125);
  EXPECT_DOUBLE_EQ(out[2], 0.5);
  EXPECT_DOUBLE_EQ(out[3], 0.875);
}

TEST(AverageRank, a_long_curve_is_thinned_and_stays_close) {
  const Table t = testing::clicks(200, 20, {0.5}, 3);
  const std::vector<double> fused = fuse("average-rank", t, testing::facts(1));
  for (std::size_t i = 0; i < fused.size(); i += 97) {
    double below = 0.5;
    for (const double s : t.values) below += s < t.values[i] ? 1 : 0;
    EXPECT_NEAR(fused[i], below / 4000, 1.0 / 500);
  }
}

}  // namespace
}  // namespace tutti
