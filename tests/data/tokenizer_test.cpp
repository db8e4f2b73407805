#include "tutti/data/tokenizer.hpp"

#include "tutti/data/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

namespace tutti {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TokenizerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::temp_directory_path() /
              ("tutti-tokenizer-" + std::to_string(::getpid()) + "-" + info->name());
    std::filesystem::remove_all(folder_);
    make_folder(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // The error that loading gives, with its code.
  std::string load_error(Code code) const {
    try {
      load_tokenizer(folder_);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      return error.what();
    }
    return "nothing was thrown";
  }

  void put(const char* name, const std::string& bytes) const { write_file(folder_ / name, bytes); }

  static std::vector<TokenId> ids(const Tokenizer& tokenizer, std::string_view text) {
    std::vector<TokenId> out;
    tokenizer.encode(text, out);
    return out;
  }

  Path folder_;
};

const char* const kVocabulary =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\n##c\nab\nleon\n!\n##bc\n\xe6\x98\xa0\nd\n";

TEST_F(TokenizerTest, WordPieceTakesTheLongestPieceFirst) {
  put("vocab.txt", kVocabulary);
  const auto tokenizer = load_tokenizer(folder_);
  EXPECT_THAT(ids(*tokenizer, "abc"), ElementsAre(8, 7));  // ab ##c, not a ##bc
  EXPECT_THAT(ids(*tokenizer, "abx d"),
              ElementsAre(1, 13));  // one piece unknown: the whole word is
  EXPECT_THAT(ids(*tokenizer, std::string(101, 'a')), ElementsAre(1));
  EXPECT_EQ(tokenizer->vocab_size(), 14);
  EXPECT_EQ(tokenizer->token(11), "##bc");
}

TEST_F(TokenizerTest, BertNormalisesCaseAccentsIdeographsAndControls) {
  put("vocab.txt", kVocabulary);
  const auto tokenizer = load_tokenizer(folder_);
  EXPECT_THAT(ids(*tokenizer, "L\xc3\xa9on!"), ElementsAre(9, 10));
  EXPECT_THAT(ids(*tokenizer, "a\u6620\u0064"), ElementsAre(5, 12, 13));
  // Removed: NUL, U+0001, zero-width space, a broken byte.
  EXPECT_THAT(ids(*tokenizer, std::string("a\0\x01", 3) + "\u200b\u0062\xff\tD"),
              ElementsAre(8, 13));
}

TEST_F(TokenizerTest, CasedVocabularyKeepsCaseAndAccents) {
  put("vocab.txt", kVocabulary);
  put("tokenizer_config.json", R"({"do_lower_case": false})");
  const auto tokenizer = load_tokenizer(folder_);
  EXPECT_THAT(ids(*tokenizer, "leon Leon l\xc3\xa9on"), ElementsAre(9, 1, 1));
}

TEST_F(TokenizerTest, SpecialTokensAreFoundInTheRawText) {
  put("vocab.txt", kVocabulary);
  const auto tokenizer = load_tokenizer(folder_);
  EXPECT_THAT(ids(*tokenizer, "a[SEP]d [sep]"), ElementsAre(5, 3, 13, 1, 1, 1));
  EXPECT_EQ(tokenizer->special().pad, 0);
  EXPECT_EQ(tokenizer->special().unknown, 1);
  EXPECT_EQ(tokenizer->special().begin, 2);
  EXPECT_EQ(tokenizer->special().end, 3);
  EXPECT_EQ(tokenizer->special().mask, 4);
}

TEST_F(TokenizerTest, PairsAreCutLongestFirst) {
  put("vocab.txt", kVocabulary);
  const auto tokenizer = load_tokenizer(folder_);
  const Encoding whole = tokenizer->encode_pair("a d", "leon", 100);
  EXPECT_THAT(whole.ids, ElementsAre(2, 5, 13, 3, 9, 3));
  EXPECT_THAT(whole.types, ElementsAre(0, 0, 0, 0, 1, 1));
  EXPECT_THAT(tokenizer->encode_pair("a", "", 100).ids, ElementsAre(2, 5, 3));
  EXPECT_THAT(tokenizer->encode_pair("a a a", "", 4).ids, ElementsAre(2, 5, 5, 3));
  // Room for 3: the longer text gets the odd token, of equal ones the second.
  EXPECT_THAT(tokenizer->encode_pair("a a a a", "d d", 6).ids, ElementsAre(2, 5, 5, 3, 13, 3));
  EXPECT_THAT(tokenizer->encode_pair("a a", "d d d d", 6).ids, ElementsAre(2, 5, 3, 13, 13, 3));
  EXPECT_THAT(tokenizer->encode_pair("a a", "d d", 6).ids, ElementsAre(2, 5, 3, 13, 13, 3));
  // Which is longer counts beyond the room too.
  EXPECT_THAT(tokenizer->encode_pair("a a a a a a a", "d d d d d d", 6).ids,
              ElementsAre(2, 5, 5, 3, 13, 3));
  EXPECT_THAT(tokenizer->encode_pair("a a a a a", "d", 7).ids, ElementsAre(2, 5, 5, 5, 3, 13, 3));
  EXPECT_THAT(tokenizer->encode_pair("a", "d", 3).types, ElementsAre(0, 0, 1));
  EXPECT_THROW(static_cast<void>(tokenizer->encode_pair("a", "d", 2)), Error);
}

TEST_F(TokenizerTest, BrokenVocabulariesNameFileAndLine) {
  EXPECT_THAT(load_error(Code::Io), HasSubstr("no tokenizer in"));
  put("vocab.txt", "[UNK]\n[CLS]\n[SEP]\na\na\n");
  EXPECT_THAT(load_error(Code::Data), HasSubstr("vocab.txt:5: the token 'a' stands in line 4"));
  put("vocab.txt", "[CLS]\n[SEP]\na\n");
  EXPECT_THAT(load_error(Code::Data), HasSubstr("vocab.txt: the token '[UNK]' is missing"));
  put("vocab.txt", "[UNK]\n[CLS]\n\n[SEP]\n");
  EXPECT_THAT(load_error(Code::Data), HasSubstr("vocab.txt:3: an empty line"));
  put("tokenizer.json", "{\n  \"model\": {\n");
  EXPECT_THAT(load_error(Code::Data), HasSubstr("tokenizer.json: broken JSON: line 3"));
}

// A tokenizer.json with this model section and added tokens.
std::string format(const std::string& model, const std::string& added = "[]",
                   const std::string& pre_tokenizer = R"({"type": "ByteLevel",
                     "add_prefix_space": false, "trim_offsets": true, "use_regex": true})") {
  return R"({"added_tokens": )" + added + R"(, "normalizer": null, "pre_tokenizer": )" +
         pre_tokenizer + R"(, "post_processor": null, "model": )" + model + "}";
}

TEST_F(TokenizerTest, BrokenFormatsNameTheField) {
  put("tokenizer.json", format(R"({"type": "BPE", "vocab": {"a": 0, "a": 1}, "merges": []})"));
  EXPECT_THAT(load_error(Code::Data), HasSubstr("'a' stands twice"));
  put("tokenizer.json", format(R"({"type": "BPE", "vocab": {"a": 0, "b": 0}, "merges": []})"));
  EXPECT_THAT(load_error(Code::Data), HasSubstr("model.vocab: id 0 of 'b' is taken by 'a'"));
  put("tokenizer.json", format(R"({"type": "BPE", "vocab": {"a": 0, "b": 2}, "merges": []})"));
  EXPECT_THAT(load_error(Code::Data), HasSubstr("no token has id 1, but ids go up to 2"));
  put("tokenizer.json", format(R"({"type": "BPE", "vocab": {"a": 0}, "merges": ["a a"]})"));
  EXPECT_THAT(load_error(Code::Data), HasSubstr("model.merges[0]: the merge of 'a' and 'a'"));
  put("tokenizer.json", format(R"({"type": "BPE", "vocab": {"a": -1}, "merges": []})"));
  EXPECT_THAT(load_error(Code::Data), HasSubstr("model.vocab.a: an integer"));
  std::string json = format(R"({"type": "BPE", "vocab": {"a": 0}, "merges": []})");
  json.replace(json.find(R"("post_processor": null)"), 22,
               R"("post_processor": {"type": "BertProcessing", "sep": ["x", 7], "cls": ["a", 0]})");
  put("tokenizer.json", json);
  EXPECT_THAT(load_error(Code::Data), HasSubstr("post_processor: it puts id 7"));
  put("tokenizer.json", format(R"({"type": "Unigram", "vocab": {"a": 0}})"));
  EXPECT_THAT(load_error(Code::Data), HasSubstr("does not support the model 'Unigram'"));
  put("tokenizer.json", format(R"({"type": "WordPiece", "unk_token": "[UNK]", "vocab": {"a": 0}})",
                               "[]", R"({"type": "BertPreTokenizer"})"));
  EXPECT_THAT(load_error(Code::Data), HasSubstr("'[UNK]' is not in the vocabulary"));
  put("tokenizer.json", format(R"({"type": "BPE", "vocab": {"a": 0}, "merges": []})", "[]",
                               R"({"type": "Metaspace"})"));
  EXPECT_THAT(load_error(Code::Data), HasSubstr("does not support the pre-tokenizer 'Metaspace'"));
}

// Merges by rank: "bc" before "ab"; " a" has a token, but no merges that lead to it.
const char* const kBpe = R"({"type": "BPE", "vocab": {"a": 0, "b": 1, "c": 2, "bc": 3, "ab": 4,
    "abc": 5, "Ġ": 6, "Ġa": 7, "'s": 8, "'": 9, "s": 10}, "merges": ["b c", ["a", "b"], "a bc",
    "' s"]})";

TEST_F(TokenizerTest, BpeMergesByRank) {
  put("tokenizer.json", format(kBpe));
  const auto tokenizer = load_tokenizer(folder_);
  EXPECT_THAT(ids(*tokenizer, "abc"), ElementsAre(5));
  EXPECT_THAT(ids(*tokenizer, "abab"), ElementsAre(4, 4));
  EXPECT_THAT(ids(*tokenizer, "abcbcc"), ElementsAre(5, 3, 2));
  EXPECT_THAT(ids(*tokenizer, "b a's"), ElementsAre(1, 6, 0, 8));
  EXPECT_THAT(ids(*tokenizer, "a  b"), ElementsAre(0, 6, 6, 1));
}

TEST_F(TokenizerTest, IgnoreMergesTakesWholeTokens) {
  std::string model = kBpe;
  model.insert(1, R"("ignore_merges": true, )");
  put("tokenizer.json", format(model));
  EXPECT_THAT(ids(*load_tokenizer(folder_), "b a"), ElementsAre(1, 7));
}

TEST_F(TokenizerTest, LongWordsMergeAsShortOnes) {
  put("tokenizer.json", format(kBpe));
  const auto tokenizer = load_tokenizer(folder_);
  // "abc" over and over merges to itself whatever its length: on both sides of the switch from a
  // scan to a queue, and for a megabyte in one word.
  for (const std::size_t count : {15, 16, 17, 400000}) {
    std::string word;
    for (std::size_t i = 0; i < count; ++i) word += "abc";
    EXPECT_EQ(ids(*tokenizer, word), std::vector<TokenId>(count, 5)) << count;
  }
}

TEST_F(TokenizerTest, AMergeThatLostItsPairIsForgotten) {
  put("tokenizer.json", format(R"({"type": "BPE", "vocab": {"a": 0, "b": 1, "c": 2, "d": 3, "bc": 4,
      "ab": 5, "bcd": 6, "abc": 7}, "merges": ["b c", "a b", "bc d", "a bc"]})"));
  const auto tokenizer = load_tokenizer(folder_);
  // "a b" waits when "b c" takes its b; the next by rank is then "bc d", not "a bc".
  for (const std::size_t count : {1, 30}) {
    std::string word;
    std::vector<TokenId> expected;
    for (std::size_t i = 0; i < count; ++i) {
      word += "abcd";
      expected.insert(expected.end(), {0, 6});
    }
    EXPECT_EQ(ids(*tokenizer, word), expected) << count;
  }
}

TEST_F(TokenizerTest, AddedTokensStripAndStandAlone) {
  put("tokenizer.json", format(kBpe, R"([
    {"id": 11, "content": "<m>", "special": true, "lstrip": true, "rstrip": false},
    {"id": 12, "content": "<r>", "special": true, "lstrip": false, "rstrip": true},
    {"id": 13, "content": "bb", "special": false, "single_word": true, "normalized": false},
    {"id": 14, "content": "<m><r>", "special": true}])"));
  const auto tokenizer = load_tokenizer(folder_);
  EXPECT_THAT(ids(*tokenizer, "a  <m> b"), ElementsAre(0, 11, 6, 1));
  EXPECT_THAT(ids(*tokenizer, "a <r>  b"), ElementsAre(0, 6, 12, 1));
  EXPECT_THAT(ids(*tokenizer, "bb abb"), ElementsAre(13, 6, 4, 1));
  EXPECT_THAT(ids(*tokenizer, "<m><r>"), ElementsAre(14));
  EXPECT_EQ(tokenizer->vocab_size(), 15);
}

TEST_F(TokenizerTest, DigitsAndSplitsComeBeforeByteLevel) {
  put("tokenizer.json", format(R"({"type": "BPE", "vocab": {"1": 0, "11": 1, "-": 2, "1-": 3},
      "merges": ["1 1", "1 -"]})",
                               "[]", R"({"type": "Sequence", "pretokenizers": [
      {"type": "Digits", "individual_digits": true},
      {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}]})"));
  EXPECT_THAT(ids(*load_tokenizer(folder_), "11-"), ElementsAre(0, 0, 2));
  const auto split = [&](const std::string& behavior) {
    put("tokenizer.json",
        format(
            R"({"type": "BPE", "vocab": {"1": 0, "11": 1, "-": 2, "1-": 3,
      "-1": 4, "--": 5}, "merges": ["1 1", "1 -", "- 1", "- -"]})",
            "[]",
            R"({"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"String": "-"},
      "behavior": ")" +
                behavior + R"(", "invert": false},
      {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]})"));
    return ids(*load_tokenizer(folder_), "1--1");
  };
  EXPECT_THAT(split("Removed"), ElementsAre(0, 0));
  EXPECT_THAT(split("Isolated"), ElementsAre(0, 2, 2, 0));
  EXPECT_THAT(split("MergedWithPrevious"), ElementsAre(3, 2, 0));
  EXPECT_THAT(split("MergedWithNext"), ElementsAre(0, 2, 4));
  EXPECT_THAT(split("Contiguous"), ElementsAre(0, 5, 0));
}

// A Split by this regular expression before ByteLevel; every byte of "aB1 '\n" is a token.
std::string regex_format(const std::string& regex) {
  return format(R"({"type": "BPE", "ignore_merges": true, "vocab": {"a": 0, "B": 1, "1": 2, "Ġ": 3,
      "'": 4, "Ċ": 5, "aB": 6, "11": 7, "ĠaB": 8, "'B": 9, "ĠĠ": 10, "ĊĊ": 11},
      "merges": []})",
                "[]",
                R"({"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern":
      {"Regex": ")" +
                    regex + R"("}, "behavior": "Isolated", "invert": false},
      {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]})");
}

TEST_F(TokenizerTest, SplitsByRegularExpressions) {
  const auto split = [&](const std::string& regex, const std::string& text) {
    put("tokenizer.json", regex_format(regex));
    return ids(*load_tokenizer(folder_), text);
  };
  EXPECT_THAT(split(R"(\\p{L}+|\\p{N}{1,2}|\\s+)", "aB111  aB"), ElementsAre(6, 7, 2, 10, 6));
  EXPECT_THAT(split(R"( ?\\p{L}+|\\s+(?!\\S)|\\s+)", "aB   aB"), ElementsAre(6, 10, 8));
  EXPECT_THAT(split(R"((?i:'b)|[^\\r\\n]|[\\r\\n]+)", "a'B\n\n"), ElementsAre(0, 9, 11));
  EXPECT_THAT(split(R"(a(?=B)|aB|.)", "aB"), ElementsAre(0, 1));
  // 1*+ gives nothing back, so that no 1 is left for the second.
  EXPECT_THAT(split(R"(\\p{Ll}\\p{Lu}?|1*+1|1)", "aB11"), ElementsAre(6, 2, 2));
}

TEST_F(TokenizerTest, RegularExpressionsItCannotRunAreRefused) {
  const auto refused = [&](const std::string& regex) {
    put("tokenizer.json", regex_format(regex));
    return load_error(Code::Data);
  };
  EXPECT_THAT(refused("(ab)+"), HasSubstr("pattern.Regex: regular expression '(ab)+', byte 6"));
  EXPECT_THAT(refused("a+?"), HasSubstr("lazy"));
  EXPECT_THAT(refused("^a"), HasSubstr("'^' is not supported"));
  EXPECT_THAT(refused("(a"), HasSubstr("')' is missing"));
  EXPECT_THAT(refused("a)"), HasSubstr("without its '('"));
  EXPECT_THAT(refused("[a"), HasSubstr("ends too early"));
  EXPECT_THAT(refused("(?<=a)b"), HasSubstr("this kind of group"));
  EXPECT_THAT(refused(R"(\\p{Greek})"), HasSubstr("'Greek' is not supported"));
  EXPECT_THAT(refused(R"(\\bx)"), HasSubstr("this escape"));
}

TEST_F(TokenizerTest, VocabJsonWithMergesIsGpt2) {
  put("vocab.json", R"({"a": 0, "b": 1, "ab": 2, "<|endoftext|>": 3})");
  put("merges.txt", "#version: 0.2\na b\n");
  const auto tokenizer = load_tokenizer(folder_);
  EXPECT_THAT(ids(*tokenizer, "ab<|endoftext|>b"), ElementsAre(2, 3, 1));
  EXPECT_EQ(tokenizer->special().end, 3);
  put("merges.txt", "#version: 0.2\na b\nb a\n");
  EXPECT_THAT(load_error(Code::Data), HasSubstr("merges.txt:3: the merge needs the token 'ba'"));
}

TEST_F(TokenizerTest, SaveWritesTheSameFilesAndATokenizerJson) {
  put("vocab.txt", kVocabulary);
  put("tokenizer_config.json", R"({ "do_lower_case":true })");
  const auto tokenizer = load_tokenizer(folder_);
  const Path copy = folder_ / "copy";
  tokenizer->save(copy);
  EXPECT_EQ(read_file(copy / "vocab.txt"), kVocabulary);
  EXPECT_EQ(read_file(copy / "tokenizer_config.json"), R"({ "do_lower_case":true })");
  const auto again = load_tokenizer(copy);  // from the tokenizer.json this time
  EXPECT_EQ(again->digest(), tokenizer->digest());
  EXPECT_EQ(ids(*again, "L\xc3\xa9on abc!"), ids(*tokenizer, "L\xc3\xa9on abc!"));
}

TEST_F(TokenizerTest, DigestTellsVocabularyAndRules) {
  put("vocab.txt", kVocabulary);
  const std::string plain = load_tokenizer(folder_)->digest();
  put("vocab.txt", std::string(kVocabulary) + "e\n");
  EXPECT_NE(load_tokenizer(folder_)->digest(), plain);
  put("vocab.txt", kVocabulary);
  put("tokenizer_config.json", R"({"do_lower_case": false})");
  EXPECT_NE(load_tokenizer(folder_)->digest(), plain);
}

}  // namespace
}  // namespace tutti
