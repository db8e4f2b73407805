#include "tutti/data/error.hpp"
#include "tutti/data/tokenizer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace tutti {
namespace {

using ::testing::ElementsAre;

TEST(TrainBpe, MergesTheMostFrequentPairAndTiesByText) {
  // "ab" stands 3 times, "cd" and "ce" twice each.
  const std::vector<std::string> texts = {"ab", "ce", "cd", "ab", "ce", "cd", "ab"};
  const auto tokenizer = train_bpe(texts, 259 + 3);
  EXPECT_EQ(tokenizer->vocab_size(), 262);
  EXPECT_EQ(tokenizer->token(259), "ab");
  EXPECT_EQ(tokenizer->token(260), "cd");
  EXPECT_EQ(tokenizer->token(261), "ce");
  EXPECT_EQ(tokenizer->special().pad, 0);
  EXPECT_EQ(tokenizer->special().end, 1);
  EXPECT_EQ(tokenizer->special().unknown, 2);
}

TEST(TrainBpe, PairsEndWithEos) {
  const auto tokenizer = train_bpe(std::vector<std::string>{"x"}, 300);
  EXPECT_EQ(tokenizer->vocab_size(), 259);  // nothing to merge
  const Encoding pair = tokenizer->encode_pair("a", "b", 10);
  EXPECT_THAT(pair.ids, ElementsAre(3 + 'a', 1, 3 + 'b', 1));
  EXPECT_THAT(pair.types, ElementsAre(0, 0, 1, 1));
  EXPECT_THAT(tokenizer->encode_pair("a", "", 10).ids, ElementsAre(3 + 'a', 1));
  EXPECT_THROW(train_bpe(std::vector<std::string>{"x"}, 258), Error);
}

TEST(TrainBpe, IsDeterministic) {
  const std::vector<std::string> texts = {"the cat sat on the mat", "the dog sat", "a cat, a mat"};
  EXPECT_EQ(train_bpe(texts, 280)->digest(), train_bpe(texts, 280)->digest());
}

TEST(TrainBpe, OneObjectServesManyThreads) {
  const auto tokenizer = train_bpe(std::vector<std::string>{"the cat the cat the"}, 270);
  const Encoding expected = tokenizer->encode_pair("the cat", "cat the", 10);
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  threads.reserve(wrong.size());
  for (int& count : wrong) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        if (tokenizer->encode_pair("the cat", "cat the", 9).ids != expected.ids) count += 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(wrong, ElementsAre(0, 0, 0, 0));
}

}  // namespace
}  // namespace tutti
