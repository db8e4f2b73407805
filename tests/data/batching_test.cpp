#include "tutti/data/batching.hpp"

#include "tutti/data/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace tutti {
namespace {

ExampleShapes some_shapes(int examples, bool with_users) {
  ExampleShapes shapes;
  Random random(3, "shapes");
  for (int i = 0; i < examples; ++i) {
    shapes.lengths.push_back(static_cast<std::int32_t>(5 + random.below(60)));
    if (!with_users) continue;
    // User 0 has a third of all, as in real logs.
    const auto draw = static_cast<std::int32_t>(random.below(30));
    shapes.users.push_back(draw < 10 ? 0 : draw);
  }
  return shapes;
}

std::int64_t tokens_of(const ExampleShapes& shapes, std::span<const std::int32_t> part) {
  std::int64_t sum = 0;
  for (const std::int32_t i : part) sum += shapes.lengths.at(static_cast<std::size_t>(i));
  return sum;
}

std::int32_t user_of(const ExampleShapes& shapes, std::int32_t i) {
  return shapes.users.at(static_cast<std::size_t>(i));
}

void expect_every_example_once(const std::vector<IndexBatch>& batches, std::size_t examples) {
  std::vector<int> seen(examples, 0);
  for (const IndexBatch& batch : batches) {
    EXPECT_FALSE(batch.empty());
    for (const std::int32_t i : batch) ++seen.at(static_cast<std::size_t>(i));
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), static_cast<long>(examples));
}

TEST(FormBatches, EveryExampleIsInOneBatchAndNoBatchIsOverItsTokens) {
  const ExampleShapes shapes = some_shapes(997, false);
  const auto batches = form_batches(shapes, {.seed = 1, .epoch = 0, .batch_tokens = 300});
  expect_every_example_once(batches, 997);
  for (const IndexBatch& batch : batches) EXPECT_LE(tokens_of(shapes, batch), 300);
  // Sorted windows fill batches well: the waste is the end of each batch.
  EXPECT_LE(batches.size(), 130U);  // 34 500 tokens
}

TEST(FormBatches, ByExamplesGivesThatManyInAllBatchesButOne) {
  const auto batches =
      form_batches(some_shapes(100, false), {.seed = 1, .epoch = 0, .batch_examples = 16});
  expect_every_example_once(batches, 100);
  EXPECT_EQ(batches.size(), 7U);
  EXPECT_EQ(std::count_if(batches.begin(), batches.end(),
                          [](const IndexBatch& batch) { return batch.size() == 16; }),
            6);
}

TEST(FormBatches, SameSeedAndEpochGiveTheSameBatchesAndOthersDoNot) {
  const ExampleShapes shapes = some_shapes(200, false);
  const auto batches = [&](std::uint64_t seed, std::uint64_t epoch) {
    return form_batches(shapes, {.seed = seed, .epoch = epoch, .batch_tokens = 300});
  };
  EXPECT_EQ(batches(1, 0), batches(1, 0));
  EXPECT_NE(batches(1, 0), batches(1, 1));
  EXPECT_NE(batches(1, 0), batches(2, 0));
}

TEST(FormBatches, ABatchHoldsFewLengthsAndBatchesComeInNoOrderOfLength) {
  const ExampleShapes shapes = some_shapes(4000, false);
  const auto batches = form_batches(shapes, {.seed = 1, .epoch = 0, .batch_tokens = 640});
  std::size_t kinds = 0;
  std::size_t longer_than_last = 0;
  for (std::size_t b = 0; b < batches.size(); ++b) {
    std::set<std::int32_t> lengths;
    for (const std::int32_t i : batches[b])
      lengths.insert(shapes.lengths[static_cast<std::size_t>(i)]);
    kinds += lengths.size();
    if (b > 0 && *lengths.begin() > shapes.lengths[static_cast<std::size_t>(batches[b - 1][0])]) {
      ++longer_than_last;
    }
  }
  // 18 examples a batch out of 60 lengths: unsorted, about 16 different ones.
  EXPECT_LT(static_cast<double>(kinds) / static_cast<double>(batches.size()), 4.0);
  EXPECT_GT(longer_than_last, batches.size() / 3);
  EXPECT_LT(longer_than_last, batches.size() * 2 / 3);
}

TEST(FormBatches, AnExampleLongerThanABatchIsABatch) {
  const auto batches = form_batches({{50, 50}, {}}, {.seed = 1, .epoch = 0, .batch_tokens = 10});
  EXPECT_EQ(batches.size(), 2U);
}

TEST(FormBatches, NoExamplesGiveNoBatches) {
  EXPECT_TRUE(form_batches({}, {.seed = 1, .epoch = 0}).empty());
}

TEST(FormBatches, UsersStayTogetherAndALongHistoryIsSpread) {
  const ExampleShapes shapes = some_shapes(600, true);
  const auto batches = form_batches(shapes, {.seed = 1, .epoch = 0, .batch_tokens = 800});
  expect_every_example_once(batches, 600);
  std::size_t batches_of_user_0 = 0;
  for (const IndexBatch& batch : batches) {
    EXPECT_LE(tokens_of(shapes, batch), 800);
    std::set<std::int32_t> left;
    for (std::size_t k = 0; k < batch.size(); ++k) {
      const std::int32_t user = user_of(shapes, batch[k]);
      if (k > 0 && user != user_of(shapes, batch[k - 1]))
        left.insert(user_of(shapes, batch[k - 1]));
      EXPECT_EQ(left.count(user), 0U) << "user " << user << " is in two places of a batch";
    }
    batches_of_user_0 += std::any_of(batch.begin(), batch.end(),
                                     [&](std::int32_t i) { return user_of(shapes, i) == 0; });
  }
  EXPECT_GT(batches_of_user_0, batches.size() / 2);
}

class Shares : public ::testing::TestWithParam<bool> {};

TEST_P(Shares, TogetherAreTheBatchAndAreEven) {
  const ExampleShapes shapes = some_shapes(300, GetParam());
  for (const IndexBatch& batch :
       form_batches(shapes, {.seed = 4, .epoch = 2, .batch_tokens = 900})) {
    for (const int ranks : {1, 2, 3, 4, 7}) {
      IndexBatch joined;
      std::map<std::int32_t, int> rank_of_user;
      for (int rank = 0; rank < ranks; ++rank) {
        const auto share = share_of_rank(shapes, batch, rank, ranks);
        joined.insert(joined.end(), share.begin(), share.end());
        for (const std::int32_t i : share) {
          if (!GetParam()) continue;
          const auto [user, fresh] = rank_of_user.emplace(user_of(shapes, i), rank);
          EXPECT_EQ(user->second, rank) << "a user on two ranks";
        }
        // Off by at most the half of a unit at each end (64 tokens an example).
        const double even = static_cast<double>(tokens_of(shapes, batch)) / ranks;
        if (!GetParam()) {
          EXPECT_NEAR(static_cast<double>(tokens_of(shapes, share)), even, 64);
        }
      }
      EXPECT_EQ(joined, batch);
    }
  }
}

TEST_P(Shares, MicroBatchesTogetherAreTheShareAndKeepTheLimit) {
  const ExampleShapes shapes = some_shapes(300, GetParam());
  for (const IndexBatch& batch :
       form_batches(shapes, {.seed = 4, .epoch = 2, .batch_tokens = 900})) {
    for (const std::int64_t limit : {0, 1, 70, 250, 900}) {
      IndexBatch joined;
      std::set<std::int32_t> users_before;
      for (const auto part : micro_batches(shapes, batch, limit)) {
        ASSERT_FALSE(part.empty());
        joined.insert(joined.end(), part.begin(), part.end());
        std::set<std::int32_t> users;
        for (const std::int32_t i : part) {
          if (GetParam()) users.insert(user_of(shapes, i));
        }
        const bool one_unit = GetParam() ? users.size() == 1 : part.size() == 1;
        if (limit > 0) {
          EXPECT_TRUE(tokens_of(shapes, part) <= limit || one_unit);
        }
        for (const std::int32_t user : users) EXPECT_TRUE(users_before.insert(user).second);
      }
      EXPECT_EQ(joined, batch);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(ByUser, Shares, ::testing::Bool());

TEST(Shares, FewerExamplesThanRanksLeaveRanksWithNone) {
  const ExampleShapes shapes{{10}, {}};
  const IndexBatch batch{0};
  std::size_t examples = 0;
  for (int rank = 0; rank < 4; ++rank) {
    const auto share = share_of_rank(shapes, batch, rank, 4);
    examples += share.size();
    EXPECT_EQ(micro_batches(shapes, share, 100).size(), share.size());
  }
  EXPECT_EQ(examples, 1U);
}

TEST(FormScoringBatches, AreSortedByLengthAndKeepTheLimit) {
  const ExampleShapes shapes = some_shapes(100, false);
  const auto batches = form_scoring_batches(shapes.lengths, 200);
  expect_every_example_once(batches, 100);
  std::int32_t last = 0;
  for (const IndexBatch& batch : batches) {
    EXPECT_TRUE(tokens_of(shapes, batch) <= 200 || batch.size() == 1);
    for (const std::int32_t i : batch) {
      EXPECT_GE(shapes.lengths[static_cast<std::size_t>(i)], last);
      last = shapes.lengths[static_cast<std::size_t>(i)];
    }
  }
}

TEST(CountBatches, WholeEpochsAndPartsOfOne) {
  const auto batches_of = [](std::uint64_t epoch) { return epoch == 0 ? 10 : 11; };
  EXPECT_EQ(count_batches(1, 100, batches_of), 10);
  EXPECT_EQ(count_batches(2, 100, batches_of), 21);
  EXPECT_EQ(count_batches(0.5, 100, batches_of), 5);
  EXPECT_EQ(count_batches(1.5, 100, batches_of), 16);  // 5.5 batches, rounded up
  EXPECT_EQ(count_batches(0.3, 100, batches_of), 3);   // exactly 3, whatever 0.3 is in binary
  EXPECT_EQ(count_batches(1000, 15, batches_of), 15);
  EXPECT_EQ(count_batches(0, 100, batches_of), 0);
}

}  // namespace
}  // namespace tutti
