#include "tutti/data/utf8.hpp"

#include <gtest/gtest.h>

#include <string>

namespace tutti {
namespace {

constexpr std::size_t kGood = std::string_view::npos;

TEST(Utf8, AcceptsEveryLength) {
  EXPECT_EQ(find_bad_utf8(""), kGood);
  EXPECT_EQ(find_bad_utf8("abc"), kGood);
  EXPECT_EQ(find_bad_utf8("\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x8E\xBB"), kGood);
  EXPECT_EQ(find_bad_utf8("\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF"), kGood);
}

TEST(Utf8, RefusesWhatTheStandardBans) {
  EXPECT_EQ(find_bad_utf8("ab\xE9"), 2U);            // a Latin-1 letter
  EXPECT_EQ(find_bad_utf8("\xC0\xAF"), 0U);          // overlong
  EXPECT_EQ(find_bad_utf8("\xE0\x9F\xBF"), 0U);      // overlong
  EXPECT_EQ(find_bad_utf8("\xF0\x8F\xBF\xBF"), 0U);  // overlong
  EXPECT_EQ(find_bad_utf8("\xED\xA0\x80"), 0U);      // surrogate
  EXPECT_EQ(find_bad_utf8("\xF4\x90\x80\x80"), 0U);  // above U+10FFFF
  EXPECT_EQ(find_bad_utf8("a\xE2\x82"), 1U);         // cut off
  EXPECT_EQ(find_bad_utf8("\x80"), 0U);              // continuation alone
}

// Expected strings: Python 3.11, bytes.decode("utf-8", errors="replace").
TEST(Utf8, RepairsAsPythonDoes) {
  const std::string mark = "\xEF\xBF\xBD";
  EXPECT_EQ(repair_utf8("caf\xE9!"), "caf" + mark + "!");
  EXPECT_EQ(repair_utf8("a\xE2\x82z"), "a" + mark + "z");
  EXPECT_EQ(repair_utf8("\xF0\x9F\x8E"), mark);
  EXPECT_EQ(repair_utf8("\xED\xA0\x80"), mark + mark + mark);
  EXPECT_EQ(repair_utf8("\xC0\xAF"), mark + mark);
  EXPECT_EQ(repair_utf8("good \xC3\xA9"), "good \xC3\xA9");
}

}  // namespace
}  // namespace tutti
