#include "tutti/data/shared_texts.hpp"

#include "tutti/data/random.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "fixture.hpp"

namespace tutti {
namespace {

using ::testing::HasSubstr;

using Ids = std::vector<TokenId>;

Tokens pair_of(Row row, const Ids& user, const Ids& item) {
  Tokens out;
  out.row = row;
  out.user = user.front();
  out.encoding.ids = user;
  out.encoding.ids.insert(out.encoding.ids.end(), item.begin(), item.end());
  out.encoding.types.assign(out.encoding.ids.size(), 0);
  out.split = static_cast<std::int32_t>(user.size());
  return out;
}

Ids text_of(TokenId first, std::size_t length) { return Ids(length, first); }

/// Users with one or two histories each of 20 tokens, and items of 3 to 7, as pairs.
std::vector<Tokens> some_pairs(int count) {
  Random random(8, "pairs");
  std::vector<Tokens> out;
  for (int i = 0; i < count; ++i) {
    const auto user = static_cast<TokenId>(random.below(12));
    const auto item = static_cast<TokenId>(random.below(40));
    Ids history = text_of(100 + user, 20);
    history.back() = static_cast<TokenId>(random.below(2));
    out.push_back(pair_of(i, history, text_of(200 + item, 3 + static_cast<std::size_t>(item) % 5)));
    out.back().user = user;
  }
  return out;
}

ExampleShapes shapes_of(const std::vector<Tokens>& pairs, bool by_user) {
  ExampleShapes shapes;
  for (const Tokens& pair : pairs) {
    shapes.lengths.push_back(static_cast<std::int32_t>(pair.encoding.ids.size()));
    if (by_user) shapes.users.push_back(pair.user);
  }
  shapes.texts = find_texts(pairs);
  return shapes;
}

// Counted here from the ids themselves.
std::int64_t distinct_tokens(const std::vector<Tokens>& pairs,
                             std::span<const std::int32_t> indices) {
  std::set<Ids> texts;
  for (const std::int32_t i : indices) {
    const Tokens& pair = pairs[static_cast<std::size_t>(i)];
    const Ids& ids = pair.encoding.ids;
    texts.insert(Ids(ids.begin(), ids.begin() + pair.split));
    texts.insert(Ids(ids.begin() + pair.split, ids.end()));
  }
  std::int64_t sum = 0;
  for (const Ids& text : texts) sum += static_cast<std::int64_t>(text.size());
  return sum;
}

TEST(SharedTexts, AreNumberedByWhatTheySay) {
  const std::vector<Tokens> pairs = {pair_of(0, {1, 2}, {7}), pair_of(1, {1, 2}, {8, 9}),
                                     pair_of(2, {7}, {1, 2})};
  const TextShapes shapes = find_texts(pairs);
  EXPECT_EQ(shapes.user_text, (std::vector<std::int32_t>{0, 0, 1}));
  EXPECT_EQ(shapes.item_text, (std::vector<std::int32_t>{1, 2, 0}));
  EXPECT_EQ(shapes.lengths, (std::vector<std::int32_t>{2, 1, 2}));
}

TEST(SharedTexts, OfExamplesOfOneTextAreNone) {
  Tokens whole = pair_of(0, {1}, {2});
  whole.split = 0;
  EXPECT_TRUE(find_texts(std::vector<Tokens>{whole}).lengths.empty());
}

TEST(SharedTexts, RefuseAnEmptyText) {
  Tokens bad = pair_of(41, {1}, {2});
  bad.split = 2;
  EXPECT_THAT(test::error_of(Code::Data, [&] { find_texts(std::vector<Tokens>{bad}); }),
              HasSubstr("row 41"));
}

TEST(SharedTexts, ABatchHoldsEachOnceByLength) {
  const std::vector<Tokens> pairs = some_pairs(50);
  const SharedBatch shared = share_texts(pairs);
  EXPECT_EQ(static_cast<std::size_t>(shared.texts.examples()), find_texts(pairs).lengths.size());
  const auto ids_of = [&](std::int64_t text) {
    const auto t = static_cast<std::size_t>(text);
    const auto begin = shared.texts.ids.begin();
    return Ids(begin + shared.texts.offsets[t], begin + shared.texts.offsets[t + 1]);
  };
  std::set<Row> keys(shared.texts.rows.begin(), shared.texts.rows.end());
  EXPECT_EQ(keys.size(), shared.texts.rows.size()) << "texts share a dropout mask";
  for (std::size_t t = 1; t < shared.texts.rows.size(); ++t) {
    EXPECT_GE(ids_of(static_cast<std::int64_t>(t)).size(),
              ids_of(static_cast<std::int64_t>(t) - 1).size());
  }
  for (std::size_t e = 0; e < pairs.size(); ++e) {
    Ids both = ids_of(shared.user_text[e]);
    EXPECT_EQ(both.size(), static_cast<std::size_t>(pairs[e].split));
    EXPECT_TRUE(shared.is_user[static_cast<std::size_t>(shared.user_text[e])]);
    EXPECT_FALSE(shared.is_user[static_cast<std::size_t>(shared.item_text[e])]);
    const Ids item = ids_of(shared.item_text[e]);
    both.insert(both.end(), item.begin(), item.end());
    EXPECT_EQ(both, pairs[e].encoding.ids);
  }
}

TEST(SharedTexts, WithoutSharingAreTwoAnExample) {
  Batch batch;
  for (const Tokens& pair : some_pairs(50)) batch.append(pair);
  const SharedBatch apart = share_texts(batch, false);
  EXPECT_EQ(apart.texts.examples(), 100);
  const SharedBatch together = share_texts(batch);
  // The same text has the same key either way: naive and shared training drop the same.
  for (std::size_t e = 0; e < 50; ++e) {
    const auto key = [&](const SharedBatch& from) {
      return from.texts.rows[static_cast<std::size_t>(from.item_text[e])];
    };
    EXPECT_EQ(key(apart), key(together));
  }
}

class TextBatches : public ::testing::TestWithParam<bool> {};

TEST_P(TextBatches, HoldEveryExampleOnceAndCountEachTextOnce) {
  const std::vector<Tokens> pairs = some_pairs(600);
  const ExampleShapes shapes = shapes_of(pairs, GetParam());
  const auto batches = form_batches(shapes, {.seed = 2, .epoch = 0, .batch_tokens = 260});
  std::vector<int> seen(pairs.size(), 0);
  std::int64_t tokens = 0;
  std::int64_t naive = 0;
  for (const IndexBatch& batch : batches) {
    EXPECT_LE(distinct_tokens(pairs, batch), 260);
    EXPECT_EQ(distinct_tokens(pairs, batch), tokens_to_read(shapes, batch));
    tokens += tokens_to_read(shapes, batch);
    for (const std::int32_t i : batch) {
      ++seen[static_cast<std::size_t>(i)];
      naive += shapes.lengths[static_cast<std::size_t>(i)];
    }
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), 600);
  EXPECT_LT(2 * tokens, naive) << "examples of one text are not together";
  EXPECT_NE(batches, form_batches(shapes, {.seed = 2, .epoch = 1, .batch_tokens = 260}));
}

TEST_P(TextBatches, SharesAndMicroBatchesKeepATextOrAUserWhole) {
  const std::vector<Tokens> pairs = some_pairs(600);
  const ExampleShapes shapes = shapes_of(pairs, GetParam());
  const auto& groups = GetParam() ? shapes.users : shapes.texts.user_text;
  for (const IndexBatch& batch :
       form_batches(shapes, {.seed = 2, .epoch = 3, .batch_tokens = 400})) {
    IndexBatch whole;
    std::map<std::int32_t, std::set<std::size_t>> parts;  // group -> the parts that hold it
    std::size_t part = 0;
    for (int rank = 0; rank < 3; ++rank) {
      for (const auto piece : micro_batches(shapes, share_of_rank(shapes, batch, rank, 3), 150)) {
        for (const std::int32_t i : piece) {
          parts[groups[static_cast<std::size_t>(i)]].insert(part);
          whole.push_back(i);
        }
        ++part;
      }
    }
    EXPECT_EQ(whole, batch);
    for (const auto& [group, where] : parts) EXPECT_EQ(where.size(), 1U) << "group " << group;
  }
}

INSTANTIATE_TEST_SUITE_P(ByTextAndByUser, TextBatches, ::testing::Bool());

}  // namespace
}  // namespace tutti
