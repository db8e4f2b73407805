#include "tutti/data/tokens_file.hpp"

#include "tutti/data/hdf5.hpp"

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "fixture.hpp"

namespace tutti {
namespace {

using test::error_of;
using test::Folder;
using test::small_source;
using ::testing::HasSubstr;

class TokensOfAStore : public ::testing::Test {
 protected:
  TokensOfAStore()
      : store_([&] {
          build_store(small_source(folder_), 1, folder_.path() / "dataset.h5");
          return Store::open(folder_.path() / "dataset.h5");
        }()),
        tokenizer_(
            train_bpe(std::vector<std::string>{"liked Film 1; disliked Film 2 Drama"}, 300)) {}

  [[nodiscard]] std::string key(const MemberData& options, const std::string& member = "m",
                                Part part = Part::Train, std::uint64_t seed = 1,
                                std::int32_t length = 20) const {
    return tokens_key(store_, part, options, seed, member, *tokenizer_, length);
  }

  Folder folder_;
  Store store_;
  std::unique_ptr<Tokenizer> tokenizer_;
};

TEST_F(TokensOfAStore, AreThoseOfTheTexts) {
  MemberData options;
  options.user_fields = {"gender"};
  const auto view = training_view(store_, options, 1, "m");
  const Path file = folder_.path() / "tokens.h5";
  TokensFile::write(file, key(options), *view, *tokenizer_, 20);
  const TokensFile tokens(file, key(options));
  ASSERT_EQ(tokens.size(), view->size());
  for (Row i = 0; i < view->size(); ++i) {
    const Example example = view->get(i);
    const Tokens want = tokenise(example, *tokenizer_, 20);
    const Tokens got = tokens.get(i);
    EXPECT_EQ(got.encoding.ids, want.encoding.ids);
    EXPECT_EQ(got.encoding.types, want.encoding.types);
    EXPECT_EQ(got.row, example.row);
    EXPECT_EQ(got.user, example.user);
    EXPECT_EQ(got.label, example.label);
    EXPECT_EQ(tokens.length(i), static_cast<std::int32_t>(want.encoding.ids.size()));
    EXPECT_EQ(tokens.user(i), example.user);
    EXPECT_EQ(tokens.find(example.row), i);
  }
  EXPECT_EQ(tokens.find(1000), -1);
  EXPECT_EQ(tokens.find(-1), -1);
  EXPECT_THAT(error_of(Code::Data, [&] { TokensFile(file, "another"); }),
              HasSubstr("tokens that are wanted"));
}

TEST_F(TokensOfAStore, KeysDifferWhereTokensMay) {
  const MemberData plain;
  std::set<std::string> keys = {key(plain), key(plain, "m", Part::Test),
                                key(plain, "m", Part::Validation),
                                key(plain, "m", Part::Train, 1, 21)};
  const auto with = [&](auto change) {
    MemberData options;
    change(options);
    EXPECT_TRUE(keys.insert(key(options)).second);
  };
  with([](MemberData& o) { o.history = 3; });
  with([](MemberData& o) { o.share_history = 4; });
  with([](MemberData& o) { o.fields = {"title"}; });
  with([](MemberData& o) { o.user_fields = {"age"}; });
  with([](MemberData& o) { o.statistics = true; });
  with([](MemberData& o) { o.fold = 1; });
  with([](MemberData& o) { o.fold = 2; });
  with([](MemberData& o) { o.fraction = 0.5; });
  with([](MemberData& o) { o.max_examples = 7; });
  with([](MemberData& o) { o.bootstrap = true; });
  with([](MemberData& o) { o.from_time = 5; });
  with([](MemberData& o) { o.to_time = 5; });
  with([](MemberData& o) { o.last = 0.5; });
  with([](MemberData& o) { o.segment = "gender=F"; });
  with([](MemberData& o) { o.crop_history = 0.5; });
  with([](MemberData& o) { o.shuffle_history = 0.5; });
  with([](MemberData& o) { o.drop_field = 0.5; });
  // A member's name and the seed count where they decide what is drawn, and nowhere else.
  EXPECT_EQ(key(plain, "a"), key(plain, "b", Part::Train, 2));
  MemberData drawn;
  drawn.bootstrap = true;
  EXPECT_NE(key(drawn, "a"), key(drawn, "b"));
  EXPECT_NE(key(drawn, "a"), key(drawn, "a", Part::Train, 2));
  EXPECT_EQ(key(drawn, "a", Part::Test), key(plain, "b", Part::Test));
}

}  // namespace
}  // namespace tutti
