#include "tutti/data/reader.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "fixture.hpp"

namespace tutti {
namespace {

using test::error_of;
using test::Folder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

Source read(const DataOptions& options) {
  return ReaderRegistry::make(options.source, options)->read();
}

DataOptions source_of(const std::string& source, const Path& path) {
  DataOptions options;
  options.source = source;
  options.path = path.string();
  return options;
}

std::string flags(std::initializer_list<int> set) {
  std::string text;
  for (int g = 0; g < 19; ++g) {
    const bool on = std::find(set.begin(), set.end(), g) != set.end();
    text += on ? "|1" : "|0";
  }
  return text;
}

void write_100k(const Folder& folder) {
  folder.write("u.data", "5\t20\t3\t881250949\n6\t10\t5\t881250000\n5\t10\t1\t881250950\n");
  folder.write("u.item", "10|Am\xE9lie (2001)|01-Jan-2001||http://x" + flags({5, 14}) +
                             "\n20|No Year|||" + flags({}) + "\n");
  folder.write("u.user", "5|24|M|technician|85711\n6|53|F|other|94043\n");
}

TEST(Readers, AreRegisteredByName) {
  EXPECT_THAT(ReaderRegistry::names(),
              ElementsAre("atomic", "csv", "movielens-100k", "movielens-csv"));
}

TEST(MovieLens100k, ReadsItsThreeFiles) {
  const Folder folder;
  write_100k(folder);
  const Source source = read(source_of("movielens-100k", folder.path()));
  const Interactions& rows = source.interactions;
  EXPECT_EQ(source.read, 3);
  EXPECT_THAT(rows.item_ids, ElementsAre("10", "20"));
  EXPECT_THAT(rows.user_ids, ElementsAre("5", "6"));
  EXPECT_THAT(rows.item, ElementsAre(1, 0, 0));
  EXPECT_THAT(rows.user, ElementsAre(0, 1, 0));
  EXPECT_THAT(rows.rating, ElementsAre(3, 5, 1));
  EXPECT_THAT(rows.time, ElementsAre(881250949, 881250000, 881250950));
  EXPECT_THAT(rows.line, ElementsAre(1, 2, 3));
  EXPECT_THAT(*rows.items.find("title"), ElementsAre("Am\xC3\xA9lie", "No Year"));
  EXPECT_THAT(*rows.items.find("year"), ElementsAre("2001", ""));
  EXPECT_THAT(*rows.items.find("genres"), ElementsAre("Comedy Romance", ""));
  EXPECT_THAT(*rows.users.find("age"), ElementsAre("24", "53"));
  EXPECT_THAT(*rows.users.find("zip_code"), ElementsAre("85711", "94043"));
}

TEST(MovieLens100k, NamesWhatIsMissingOrWrong) {
  const Folder folder;
  EXPECT_THAT(error_of(Code::Io, [&] { read(source_of("movielens-100k", folder.path())); }),
              HasSubstr("u.data is missing"));
  write_100k(folder);
  folder.write("u.data", "5\t20\t3\t881250949\n5\t20\tthree\t1\n");
  EXPECT_THAT(error_of(Code::Data, [&] { read(source_of("movielens-100k", folder.path())); }),
              HasSubstr("u.data:2: rating 'three' is not a number"));
  folder.write("u.data", "5\t20\t3\n");
  EXPECT_THAT(error_of(Code::Data, [&] { read(source_of("movielens-100k", folder.path())); }),
              HasSubstr("u.data:1: 3 fields, 4 expected"));
  folder.write("u.data", "");
  EXPECT_THAT(error_of(Code::Data, [&] { read(source_of("movielens-100k", folder.path())); }),
              HasSubstr("no interactions"));
}

TEST(MovieLensCsv, ReadsQuotedTitlesAndGenres) {
  const Folder folder;
  folder.write("movies.csv",
               "movieId,title,genres\r\n"
               "1,\"American President, The (1995)\",Comedy|Drama\r\n"
               "2,Now (1999) and Then,(no genres listed)\r\n"
               "3,(1995),Sci-Fi\r\n");
  folder.write("ratings.csv", "userId,movieId,rating,timestamp\r\n7,2,4.5,1112486027\r\n");
  const Source source = read(source_of("movielens-csv", folder.path()));
  const Interactions& rows = source.interactions;
  EXPECT_THAT(*rows.items.find("title"),
              ElementsAre("American President, The", "Now (1999) and Then", "(1995)"));
  EXPECT_THAT(*rows.items.find("year"), ElementsAre("1995", "", ""));
  EXPECT_THAT(*rows.items.find("genres"), ElementsAre("Comedy Drama", "", "Sci-Fi"));
  EXPECT_THAT(rows.rating, ElementsAre(4.5));
  EXPECT_THAT(rows.line, ElementsAre(2));
}

TEST(Atomic, ReadsTypedHeadersAndCommonNames) {
  const Folder folder;
  folder.write("toy/toy.inter",
               "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
               "a\tx\t4\t10.75\nb\ty\t2.5\t20\n");
  folder.write("toy/toy.item",
               "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\tpop:"
               "float\nx\tThe X\t1999\tDrama War\t0.5\n");
  folder.write("toy/other.inter", "unused");
  for (const Path& path :
       {folder.path() / "toy", folder.path() / "toy/", folder.path() / "toy" / "toy.inter"}) {
    const Source source = read(source_of("atomic", path));
    const Interactions& rows = source.interactions;
    EXPECT_THAT(rows.rating, ElementsAre(4, 2.5));
    EXPECT_THAT(rows.time, ElementsAre(10, 20));
    EXPECT_THAT(rows.items.names, ElementsAre("title", "year", "genres", "pop"));
    EXPECT_THAT(*rows.items.find("genres"), ElementsAre("Drama War", ""));
    EXPECT_TRUE(rows.users.names.empty());
  }
}

TEST(Atomic, FindsTheOnlyInterFileAndDoesWithoutRatings) {
  const Folder folder;
  folder.write("any.inter", "item_id:token\tuser_id:token\nx\ta\n");
  const Source source = read(source_of("atomic", folder.path()));
  EXPECT_THAT(source.interactions.user_ids, ElementsAre("a"));
  EXPECT_TRUE(std::isnan(source.interactions.rating[0]));
  EXPECT_EQ(source.interactions.time[0], 0);
  folder.write("second.inter", "");
  EXPECT_THAT(error_of(Code::Io, [&] { read(source_of("atomic", folder.path())); }),
              HasSubstr("2 .inter files"));
}

TEST(Atomic, RefusesAHeaderWithoutTypes) {
  const Folder folder;
  const Path file = folder.write("a.inter", "user_id\titem_id:token\na\tx\n");
  EXPECT_THAT(error_of(Code::Data, [&] { read(source_of("atomic", file)); }),
              HasSubstr("a.inter:1: column 'user_id' has no known type"));
}

TEST(CsvSource, TakesColumnNamesAndSeparatorFromOptions) {
  const Folder folder;
  folder.write("events.tsv", "when\twho\twhat\tstars\n5\tann\tbook\t3\n");
  folder.write("books.tsv", "text\twhat\n\"a\nb\"\tbook\n");
  DataOptions options = source_of("csv", folder.path());
  options.csv = {"events.tsv", "books.tsv", "", "who", "what", "stars", "when", "\t"};
  const Source source = read(options);
  EXPECT_THAT(source.interactions.time, ElementsAre(5));
  EXPECT_THAT(source.interactions.rating, ElementsAre(3));
  EXPECT_THAT(*source.interactions.items.find("text"), ElementsAre("a\nb"));
  options.csv.rating = "";
  options.csv.time = "";
  EXPECT_TRUE(std::isnan(read(options).interactions.rating[0]));
  EXPECT_EQ(read(options).interactions.time[0], 0);
  options.csv.rating = "star";
  EXPECT_THAT(error_of(Code::Data, [&] { read(options); }),
              AllOf(HasSubstr("events.tsv:1: no column 'star'"), HasSubstr("'stars'")));
  options.csv.separator = "::";
  EXPECT_THAT(error_of(Code::Config, [&] { read(options); }), HasSubstr("data.csv.separator"));
}

TEST(CsvSource, TreatsBrokenUtf8AsTold) {
  const Folder folder;
  folder.write("a.csv", "user_id,item_id,rating,timestamp\nu,x,1,1\nu,\xE9,2,2\nu,y,3,3\n");
  folder.write("items.csv", "item_id,title\nx,ol\xE9\ny,fine\n");
  DataOptions options = source_of("csv", folder.path());
  options.csv.interactions = "a.csv";
  EXPECT_THAT(error_of(Code::Data, [&] { read(options); }), HasSubstr("a.csv:3: broken UTF-8"));
  options.csv.items = "items.csv";
  EXPECT_THAT(error_of(Code::Data, [&] { read(options); }), HasSubstr("items.csv:2: broken UTF-8"));

  options.cleaning.bad_utf8 = "drop";
  Source source = read(options);
  EXPECT_EQ(source.read, 3);
  EXPECT_EQ(source.interactions.size(), 2);
  EXPECT_THAT(source.dropped, ElementsAre(Pair("broken UTF-8", 1)));
  EXPECT_EQ((*source.interactions.items.find("title"))[1], "");  // x comes with its interaction

  options.cleaning.bad_utf8 = "repair";
  source = read(options);
  EXPECT_EQ(source.interactions.size(), 3);
  EXPECT_TRUE(source.dropped.empty());
  EXPECT_EQ((*source.interactions.items.find("title"))[0], "ol\xEF\xBF\xBD");
  EXPECT_THAT(source.repaired,
              ElementsAre(Pair("broken UTF-8 in items", 1), Pair("broken UTF-8", 1)));

  options.cleaning.bad_utf8 = "ignore";
  EXPECT_THAT(error_of(Code::Config, [&] { read(options); }), HasSubstr("data.cleaning.bad_utf8"));
}

TEST(CsvSource, RefusesAnEmptyIdAndCountsASecondDescription) {
  const Folder folder;
  folder.write("a.csv", "user_id,item_id,rating,timestamp\nu,,1,1\n");
  DataOptions options = source_of("csv", folder.path());
  options.csv.interactions = "a.csv";
  EXPECT_THAT(error_of(Code::Data, [&] { read(options); }),
              HasSubstr("a.csv:2: the item is empty"));
  folder.write("a.csv", "user_id,item_id,rating,timestamp\nu,x,1,1\n");
  folder.write("items.csv", "item_id,title\nx,first\nx,second\n");
  options.csv.items = "items.csv";
  const Source source = read(options);
  EXPECT_EQ((*source.interactions.items.find("title"))[0], "second");
  EXPECT_EQ(source.repaired.at(0).second, 1);
}

// Every reader, found by its registry: a source that is not there is Io, never a crash.
TEST(Readers, NameAMissingSource) {
  const Folder folder;
  for (const std::string& name : ReaderRegistry::names()) {
    DataOptions options = source_of(name, folder.path() / "none");
    EXPECT_THAT(error_of(Code::Io, [&] { read(options); }), HasSubstr("none")) << name;
  }
}

}  // namespace
}  // namespace tutti
