#include "tutti/launch/member_tokens.hpp"

#include "tutti/data/tokens_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

namespace tutti {
namespace {

/// Counts the texts that are tokenised.
class Counting : public Tokenizer {
 public:
  explicit Counting(const Tokenizer& base) : base_(base) {}
  void encode(std::string_view utf8, std::vector<TokenId>& out) const override {
    base_.encode(utf8, out);
  }
  [[nodiscard]] Encoding encode_pair(std::string_view text, std::string_view pair,
                                     std::int32_t max_length) const override {
    ++texts;
    return base_.encode_pair(text, pair, max_length);
  }
  [[nodiscard]] std::int32_t vocab_size() const noexcept override { return base_.vocab_size(); }
  [[nodiscard]] const SpecialTokens& special() const noexcept override { return base_.special(); }
  [[nodiscard]] std::string token(TokenId id) const override { return base_.token(id); }
  [[nodiscard]] std::string digest() const override { return base_.digest(); }
  void save(const Path& folder) const override { base_.save(folder); }

  mutable Row texts = 0;

 private:
  const Tokenizer& base_;
};

class SharedTokens : public ::testing::Test {
 protected:
  SharedTokens() {
    std::filesystem::remove_all(folder_);
    make_folder(folder_);
    std::string rows = "user_id,item_id,rating,timestamp\n";
    for (int i = 0; i < 300; ++i) {
      rows += "u" + std::to_string(i % 7) + ",i" + std::to_string(i / 7) + "," +
              std::to_string(1 + i % 5) + "," + std::to_string(1000 + 60 * i) + "\n";
    }
    write_file(folder_ / "a.csv", rows);
    DataOptions options;
    options.source = "csv";
    options.path = folder_.string();
    options.csv.interactions = "a.csv";
    build_store(options, 1, folder_ / "dataset.h5");
  }
  ~SharedTokens() override { std::filesystem::remove_all(folder_); }

  // As a member run does; the tokens have to be those of the texts.
  static void take(const Path& folder, const Store& store, const MemberConfig& member,
                   const Counting& tokenizer) {
    const MemberTokens tokens(folder, store, member, 1, tokenizer);
    const auto training = training_view(store, member.data, 1, member.name);
    const auto test = evaluation_view(store, Part::Test, member.data);
    for (const auto& [view, part] :
         {std::pair<const Dataset*, Part>{training.get(), Part::Train}, {test.get(), Part::Test}}) {
      tokens.prepare(*view, part);
      const Row before = tokenizer.texts;
      const std::vector<Tokens> got = tokens.read(*view, part);
      EXPECT_EQ(tokenizer.texts, before) << "reading tokenises nothing";
      ASSERT_EQ(static_cast<Row>(got.size()), view->size());
      for (Row i = 0; i < view->size(); ++i) {
        const Tokens want = tokenise(view->get(i), tokenizer, member.train.max_length);
        const Tokens& have = got[static_cast<std::size_t>(i)];
        ASSERT_EQ(have.encoding.ids, want.encoding.ids) << member.name << " " << i;
        ASSERT_EQ(have.encoding.types, want.encoding.types);
        ASSERT_EQ(have.row, want.row);
        ASSERT_EQ(have.label, want.label);
      }
      tokenizer.texts = before;
    }
  }

  Path folder_ = std::filesystem::temp_directory_path() /
                 ("tutti-member-tokens-" + std::to_string(::getpid()));
};

TEST_F(SharedTokens, EightMembersCostWhatOneDoes) {
  const Store store = Store::open(folder_ / "dataset.h5");
  const auto bpe = train_bpe(std::vector<std::string>{"liked i1; disliked i2; okay i3"}, 280);
  const Counting tokenizer(*bpe);
  std::vector<MemberConfig> members(8);
  for (std::size_t m = 0; m < members.size(); ++m) {
    members[m].name = "m" + std::to_string(m);
    members[m].data.fields = {"id"};
    members[m].data.user_fields = {"id"};
    members[m].train.max_length = 40;
    if (m < 5) members[m].data.fold = static_cast<int>(m);  // of five
  }
  members[5].data.bootstrap = true;
  members[6].data.last = 0.6;
  take(folder_ / "tokens", store, members[7], tokenizer);
  const Row one = tokenizer.texts;
  EXPECT_EQ(one, static_cast<Row>(store.rows(Part::Train).size() + store.rows(Part::Test).size()));
  for (const MemberConfig& member : members) take(folder_ / "tokens", store, member, tokenizer);
  EXPECT_LE(static_cast<double>(tokenizer.texts), 1.1 * static_cast<double>(one));
}

TEST_F(SharedTokens, WhatReadsOtherwiseIsNotShared) {
  const Store store = Store::open(folder_ / "dataset.h5");
  const auto bpe = train_bpe(std::vector<std::string>{"liked i1; disliked i2; okay i3"}, 280);
  const Counting tokenizer(*bpe);
  MemberConfig member;
  member.name = "m";
  member.data.fields = {"id"};
  take(folder_ / "tokens", store, member, tokenizer);
  member.data.history = 2;
  take(folder_ / "tokens", store, member, tokenizer);
  member.data.crop_history = 0.9;
  take(folder_ / "tokens", store, member, tokenizer);
  member.data.fraction = 0.1;  // fewer than half of the rows: a file of its own
  take(folder_ / "tokens", store, member, tokenizer);
  member.train.max_length = 9;
  take(folder_ / "tokens", store, member, tokenizer);
}

}  // namespace
}  // namespace tutti
