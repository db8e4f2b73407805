#include "tutti/data/csv.hpp"

#include <string>
#include <vector>

#include "fixture.hpp"

namespace tutti {
namespace {

using test::error_of;
using test::Folder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Records = std::vector<std::vector<std::string>>;

Records read_all(const Path& file, const CsvFormat& format = {}) {
  CsvFile csv(file, format);
  Records records;
  std::vector<std::string> fields;
  while (csv.next(fields)) records.push_back(fields);
  return records;
}

TEST(Csv, ReadsWhatRfc4180Allows) {
  const Folder folder;
  const Path file = folder.write("a.csv",
                                 "\xEF\xBB\xBFid,title\r\n"
                                 "1,\"American President, The (1995)\"\r\n"
                                 "2,\"He said \"\"no\"\"\"\r\n"
                                 "3,\"two\nlines\"\r\n"
                                 "4,\r\n"
                                 ",\"\"");
  EXPECT_EQ(read_all(file), (Records{{"id", "title"},
                                     {"1", "American President, The (1995)"},
                                     {"2", "He said \"no\""},
                                     {"3", "two\nlines"},
                                     {"4", ""},
                                     {"", ""}}));
}

TEST(Csv, CountsLinesThroughQuotesAndEmptyLines) {
  const Folder folder;
  CsvFile csv(folder.write("a.csv", "a,b\n\n\"x\ny\nz\",1\r\n\r\nlast,2\n"));
  std::vector<std::string> fields;
  std::vector<std::int64_t> lines;
  while (csv.next(fields)) lines.push_back(csv.line());
  EXPECT_THAT(lines, ElementsAre(1, 3, 7));
}

TEST(Csv, TakesOtherSeparatorsAndUnquotedFiles) {
  const Folder folder;
  EXPECT_EQ(read_all(folder.write("a.csv", "a;\"b;c\";d\n"), {';', true, false}),
            (Records{{"a", "b;c", "d"}}));
  EXPECT_EQ(read_all(folder.write("b.csv", "\"a\tb\"\t\n"), {'\t', false, false}),
            (Records{{"\"a", "b\"", ""}}));
}

TEST(Csv, TurnsLatin1IntoUtf8) {
  const Folder folder;
  EXPECT_EQ(read_all(folder.write("a.csv", "Mis\xE9rables|\xFF\n"), {'|', false, true}),
            (Records{{"Mis\xC3\xA9rables", "\xC3\xBF"}}));
}

TEST(Csv, NamesTheLineOfAWrongQuote) {
  const Folder folder;
  EXPECT_THAT(error_of(Code::Data, [&] { read_all(folder.write("a.csv", "a\nb,\"c\nd\n")); }),
              AllOf(HasSubstr("a.csv:2"), HasSubstr("not closed")));
  EXPECT_THAT(error_of(Code::Data, [&] { read_all(folder.write("a.csv", "a\n\"c\"d\n")); }),
              AllOf(HasSubstr("a.csv:2"), HasSubstr("after a closing quote")));
  EXPECT_THAT(error_of(Code::Io, [&] { read_all(folder.path() / "none.csv"); }),
              HasSubstr("none.csv"));
}

TEST(Csv, FindsColumnsOrNamesTheNearest) {
  EXPECT_EQ(find_column({"user_id", "item_id"}, "item_id", "f.csv"), 1U);
  EXPECT_THAT(error_of(Code::Data,
                       [] {
                         find_column({"userId", "itemId"}, "user_id", "f.csv");
                       }),
              AllOf(HasSubstr("f.csv:1"), HasSubstr("did you mean 'userId'?")));
  EXPECT_THAT(error_of(Code::Data,
                       [] {
                         find_column({"a", "b"}, "timestamp", "f.csv");
                       }),
              HasSubstr("the columns are: a, b"));
}

TEST(Csv, RefusesNamesThatComeTwiceOrAreBroken) {
  EXPECT_NO_THROW(check_header({"a", "Mis\xC3\xA9rables"}, "f.csv:1"));
  EXPECT_THAT(error_of(Code::Data,
                       [] {
                         check_header({"a", "b", "a"}, "f.csv:1");
                       }),
              HasSubstr("f.csv:1: two columns 'a'"));
  EXPECT_THAT(error_of(Code::Data,
                       [] {
                         check_header({"a", "b\xFF"}, "f.csv:1");
                       }),
              HasSubstr("f.csv:1: broken UTF-8 in the column name 'b\xEF\xBF\xBD'"));
}

TEST(Csv, ParsesWholeFiniteNumbersOnly) {
  EXPECT_EQ(parse_number(" +4.5 ", "rating", "f:1"), 4.5);
  EXPECT_EQ(parse_number("-1e-3", "rating", "f:1"), -1e-3);
  for (const char* wrong : {"", " ", "four", "4,5", "4.5x", "nan", "inf", "1e999", "+"}) {
    EXPECT_THAT(error_of(Code::Data, [&] { (void)parse_number(wrong, "rating", "f.csv:7"); }),
                HasSubstr("f.csv:7: rating '" + std::string(wrong) + "' is not a number"));
  }
}

TEST(Csv, QuotesSoThatItReadsItBack) {
  const Folder folder;
  const std::vector<std::string> fields = {"plain", "a,b", "say \"x\"", "two\nlines", ""};
  std::string line;
  for (const std::string& field : fields) line += (line.empty() ? "" : ",") + csv_quote(field);
  EXPECT_EQ(read_all(folder.write("a.csv", line + "\n")), Records{fields});
  EXPECT_EQ(csv_quote("plain"), "plain");
}

}  // namespace
}  // namespace tutti
