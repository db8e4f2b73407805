#include "tutti/launch/plan.hpp"

#include "tutti/data/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tutti {
namespace {

using ::testing::HasSubstr;

Config members(const std::vector<int>& ranks) {
  Config config;
  for (const int r : ranks) {
    MemberConfig member;
    member.name = "m" + std::to_string(config.members.size());
    member.ranks = r;
    member.train.epochs = 1;
    config.members.push_back(member);
  }
  return config;
}

MemberEstimate estimate(double parameters, double rows) {
  MemberEstimate e;
  e.layers = 2;
  e.hidden = 64;
  e.layer_parameters = parameters;
  e.embedding_parameters = 1000;
  e.training_rows = rows;
  e.tokens = 50;
  e.scored_rows = 0;
  return e;
}

std::string refusal(const Config& config, int ranks) {
  try {
    make_plan(config, std::vector<MemberEstimate>(config.members.size(), estimate(1, 1)), ranks);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::Config);
    return error.what();
  }
  ADD_FAILURE() << "accepted";
  return {};
}

TEST(Plan, WorkIsSixParametersAToken) {
  Config config = members({1});
  EXPECT_DOUBLE_EQ(make_plan(config, {estimate(1e6, 100)}, 1).members[0].work, 6 * 1e6 * 100 * 50);
  config.members[0].train.epochs = 3;
  EXPECT_DOUBLE_EQ(make_plan(config, {estimate(1e6, 100)}, 1).members[0].work, 18 * 1e6 * 100 * 50);
  config.members[0].train.batch_examples = 10;
  config.members[0].train.max_steps = 5;
  EXPECT_DOUBLE_EQ(make_plan(config, {estimate(1e6, 100)}, 1).members[0].work, 6 * 1e6 * 50 * 50);
}

TEST(Plan, PretrainingAndScoringCost) {
  Config config = members({1});
  MemberEstimate e = estimate(1e6, 100);
  const double plain = make_plan(config, {e}, 1).members[0].work;
  config.members[0].pretrain.objective = "clm";
  const double pretrained = make_plan(config, {e}, 1).members[0].work;
  EXPECT_DOUBLE_EQ(pretrained - plain, 6 * (1e6 + 1000) * 100 * 50);
  e.scored_rows = 10;
  EXPECT_DOUBLE_EQ(make_plan(config, {e}, 1).members[0].work - pretrained, 2 * 1e6 * 10 * 50);
}

TEST(Plan, LongestFirstAndNoOverlap) {
  const Config config = members({1, 2, 1, 1});
  const Plan plan =
      make_plan(config, {estimate(1, 10), estimate(1, 90), estimate(1, 70), estimate(1, 60)}, 2);
  EXPECT_EQ(plan.members[0].member, 2) << "two ranks hold member 1 for half its work";
  for (const auto& a : plan.members) {
    EXPECT_EQ(static_cast<int>(a.on.size()), a.ranks);
    for (const auto& b : plan.members) {
      if (a.member == b.member || a.end <= b.start || b.end <= a.start) continue;
      for (const int rank : a.on) EXPECT_EQ(std::count(b.on.begin(), b.on.end(), rank), 0);
    }
  }
}

TEST(Plan, IdleShareOfUnequalMembers) {
  const Config config = members({1, 1});
  EXPECT_DOUBLE_EQ(make_plan(config, {estimate(1, 10), estimate(1, 10)}, 2).idle, 0);
  EXPECT_DOUBLE_EQ(make_plan(config, {estimate(1, 10), estimate(1, 40)}, 2).idle, 1 - 50.0 / 80);
}

TEST(Plan, MoreTokensABatchTakeMoreMemory) {
  Config config = members({1});
  const double small = make_plan(config, {estimate(1e6, 10)}, 1).members[0].bytes;
  config.members[0].train.batch_tokens *= 4;
  const double large = make_plan(config, {estimate(1e6, 10)}, 1).members[0].bytes;
  EXPECT_GT(large, small);
  config.members[0].train.micro_batch_tokens = config.members[0].train.batch_tokens / 4;
  EXPECT_DOUBLE_EQ(make_plan(config, {estimate(1e6, 10)}, 1).members[0].bytes, small);
}

TEST(Memory, ShardsSplitWhatTheySay) {
  Config config = members({4});
  MemberConfig& member = config.members[0];
  member.train.bucket_bytes = 1;
  MemberEstimate e = estimate(4e6, 10);
  const double all = 4 * (4e6 + 1000);
  const MemoryEstimate none = estimate_memory(member, e);
  EXPECT_DOUBLE_EQ(none.parameters, all);
  EXPECT_DOUBLE_EQ(none.gradients, all + 2);
  EXPECT_DOUBLE_EQ(none.optimizer, 2 * all);
  member.train.shard = "optimizer";
  EXPECT_DOUBLE_EQ(estimate_memory(member, e).optimizer, all / 2);
  EXPECT_DOUBLE_EQ(estimate_memory(member, e).gradients, none.gradients);
  member.train.shard = "gradients";
  EXPECT_DOUBLE_EQ(estimate_memory(member, e).gradients, all / 4 + 4 * 1000 + 4);
  EXPECT_DOUBLE_EQ(estimate_memory(member, e).parameters, all);
  member.train.shard = "parameters";
  EXPECT_DOUBLE_EQ(estimate_memory(member, e).parameters, all / 4 + 4 * (1000 + 2e6));
  EXPECT_DOUBLE_EQ(estimate_memory(member, e).optimizer, all / 2);
}

TEST(Memory, CheckpointingKeepsAnInputALayer) {
  Config config = members({1});
  MemberEstimate e = estimate(4e6, 10);
  e.layers = 12;
  const double before = estimate_memory(config.members[0], e).activations;
  config.members[0].train.checkpoint_activations = true;
  const double after = estimate_memory(config.members[0], e).activations;
  const double inputs = 4.0 * static_cast<double>(config.members[0].train.batch_tokens) * 12 * 64;
  // The layer that backward is in, its gradients and its kernels' temporaries: 3 of 12.
  EXPECT_DOUBLE_EQ(after - inputs, before / 4);
}

TEST(Plan, RefusesRanksThatNobodyUses) {
  EXPECT_THAT(refusal(members({2, 1, 1}), 8),
              HasSubstr("8 ranks, but the members use at most 4 at once"));
  EXPECT_THAT(refusal(members({1, 3}), 2), HasSubstr("member 'm1' wants 3 ranks"));
  EXPECT_THAT(refusal(members({}), 1), HasSubstr("no members"));
  Config config = members({1});
  config.ensemble.min_members = 2;
  EXPECT_THAT(refusal(config, 1), HasSubstr("min_members"));
}

TEST(Plan, TableNamesEveryMember) {
  const Config config = members({1, 1});
  const std::string table =
      plan_table(config, make_plan(config, {estimate(1e9, 10), estimate(1e9, 40)}, 2));
  EXPECT_THAT(table, HasSubstr("m0"));
  EXPECT_THAT(table, HasSubstr("m1"));
  EXPECT_THAT(table, HasSubstr("2 members on 2 ranks"));
}

}  // namespace
}  // namespace tutti
