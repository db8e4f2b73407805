#include "tutti/data/views/view.hpp"

#include "tutti/data/store.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "fixture.hpp"

namespace tutti {
namespace {

using test::error_of;
using test::Folder;
using test::small_source;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Views : public ::testing::Test {
 protected:
  void make(const DataOptions& options) {
    build_store(options, 1, folder_.path() / "dataset.h5");
    store_.emplace(Store::open(folder_.path() / "dataset.h5"));
  }
  // Five interactions of two users that a reader can follow by eye; no held-out rows but the last.
  void make_tiny(const std::string& task = "click") {
    folder_.write("a.csv",
                  "user_id,item_id,rating,timestamp\n"
                  "ann,x,5,10\nbob,x,1,20\nann,y,2,30\nann,z,4,30\nbob,y,3,40\nann,w,5,50\n");
    folder_.write("items.csv",
                  "item_id,title,year,genres\nx,Fargo,1996,Crime\ny,Alien,1979,Horror Sci-Fi\n"
                  "z,Twister,1996,\nw,Heat,1995,Crime\n");
    folder_.write("users.csv", "user_id,gender,zip_code\nann,F,10115\nbob,M,\n");
    DataOptions options;
    options.task = task;
    options.source = "csv";
    options.path = folder_.path().string();
    options.csv.interactions = "a.csv";
    options.csv.items = "items.csv";
    options.csv.users = "users.csv";
    options.split.validation = 0;
    options.split.test = 1.0 / 6;
    make(options);
  }
  std::vector<Row> rows_of(const MemberData& options, const std::string& member = "m",
                           std::uint64_t seed = 1) {
    const auto view = training_view(*store_, options, seed, member);
    std::vector<Row> rows;
    for (Row i = 0; i < view->size(); ++i) rows.push_back(view->get(i).row);
    return rows;
  }

  Folder folder_;
  std::optional<Store> store_;
};

TEST_F(Views, PutHistoryInWordsLatestFirst) {
  make_tiny();
  MemberData options;
  options.user_fields = {"gender", "zip_code"};
  const auto view = training_view(*store_, options, 1, "m");
  ASSERT_EQ(view->size(), 5);
  EXPECT_EQ(view->get(0).text, "gender F, zip code 10115");
  EXPECT_EQ(view->get(0).text_pair, "Fargo (1996) Crime");
  EXPECT_EQ(view->get(2).text, "gender F, zip code 10115. loved Fargo");
  EXPECT_EQ(view->get(3).text, "gender F, zip code 10115. loved Fargo");  // not row 2: same second
  EXPECT_EQ(view->get(3).text_pair, "Twister (1996)");
  EXPECT_THAT(view->get(3).sources, ElementsAre(0));
  EXPECT_EQ(view->get(4).text, "gender M. hated Fargo");
  EXPECT_EQ(view->get(4).label, 0.0);
  EXPECT_EQ(view->get(4).statistics_end, -1);
  const auto test = evaluation_view(*store_, Part::Test, options);
  ASSERT_EQ(test->size(), 1);
  EXPECT_EQ(test->get(0).text,
            "gender F, zip code 10115. liked Twister; disliked Alien; loved Fargo");
  EXPECT_EQ(test->get(0).text_pair, "Heat (1995) Crime");
  EXPECT_EQ(test->get(0).label, 1.0);
}

TEST_F(Views, CutTheHistoryAndChooseFields) {
  make_tiny();
  MemberData options;
  options.history = 1;
  options.fields = {"genres", "id"};
  const auto view = training_view(*store_, options, 1, "m");
  EXPECT_EQ(view->get(3).text, "loved Crime");
  EXPECT_EQ(view->get(3).text_pair, "z");
  options.fields = {"id"};
  EXPECT_EQ(evaluation_view(*store_, Part::Test, options)->get(0).text, "liked z");
  options.history = 0;
  EXPECT_EQ(training_view(*store_, options, 1, "m")->get(3).text, "");
}

TEST_F(Views, StatisticsKnowTheStrictPastAlone) {
  make_tiny();
  MemberData options;
  options.statistics = true;
  options.history = 0;
  const auto view = training_view(*store_, options, 1, "m");
  EXPECT_EQ(view->get(0).text, "new user");
  EXPECT_EQ(view->get(0).text_pair, "Fargo (1996) Crime, no viewers");
  EXPECT_EQ(view->get(1).text, "new user");
  EXPECT_EQ(view->get(1).text_pair, "Fargo (1996) Crime, viewers 1, liked by 100%");
  // Rows 2 and 3 are of one second: neither knows the other.
  EXPECT_EQ(view->get(2).text, "likes 100% of 1 seen");
  EXPECT_EQ(view->get(3).text, "likes 100% of 1 seen");
  EXPECT_EQ(view->get(3).statistics_end, 2);
  EXPECT_EQ(view->get(4).text_pair, "Alien (1979) Horror Sci-Fi, viewers 1, liked by 0%");
  const auto test = evaluation_view(*store_, Part::Test, options);
  EXPECT_EQ(test->get(0).text, "likes 65% of 4 seen");  // 2 of 3: 66.7 %, and 3 is near 4
  EXPECT_EQ(test->get(0).text_pair, "Heat (1995) Crime, no viewers");
}

TEST_F(Views, StatisticsOfRatingsAreMeans) {
  make_tiny("rating");
  MemberData options;
  options.statistics = true;
  options.history = 0;
  const auto test = evaluation_view(*store_, Part::Test, options);
  EXPECT_EQ(test->get(0).text, "rates 3.7 over 4 seen");
  EXPECT_EQ(test->get(0).label, 5.0);
  EXPECT_EQ(training_view(*store_, options, 1, "m")->get(4).text_pair,
            "Alien (1979) Horror Sci-Fi, viewers 1, rated 2.0");
}

TEST_F(Views, FoldsDivideTheTrainingRowsAlikeForAllMembers) {
  make(small_source(folder_, 6, 11, 66));
  const auto train = store_->rows(Part::Train);
  std::map<Row, int> kept;
  MemberData options;
  options.of = 3;
  for (options.fold = 0; options.fold < 3; ++options.fold) {
    const auto rows = rows_of(options, "member " + std::to_string(options.fold));
    EXPECT_EQ(rows, rows_of(options, "other"));
    EXPECT_LT(rows.size(), train.size());
    for (const Row row : rows) {
      ++kept[row];
      EXPECT_NE(fold_of(1, row, 3), options.fold);
    }
  }
  EXPECT_EQ(kept.size(), train.size());
  for (const auto& [row, times] : kept) EXPECT_EQ(times, 2) << row;
}

TEST_F(Views, FractionAndBootstrapAreDrawnForTheMember) {
  make(small_source(folder_, 6, 11, 66));
  const auto train = store_->rows(Part::Train);
  MemberData options;
  options.fraction = 0.5;
  const auto half = rows_of(options, "a");
  EXPECT_EQ(half.size(), (train.size() + 1) / 2);
  EXPECT_TRUE(std::is_sorted(half.begin(), half.end()));
  EXPECT_EQ(half, rows_of(options, "a"));
  EXPECT_NE(half, rows_of(options, "b"));
  EXPECT_NE(half, rows_of(options, "a", 2));
  options.max_examples = 7;
  EXPECT_EQ(rows_of(options, "a").size(), 7U);

  MemberData bootstrap;
  bootstrap.bootstrap = true;
  const auto drawn = rows_of(bootstrap, "a");
  EXPECT_EQ(drawn.size(), train.size());
  const std::set<Row> distinct(drawn.begin(), drawn.end());
  EXPECT_LT(distinct.size(), drawn.size());
  for (const Row row : drawn) EXPECT_TRUE(std::binary_search(train.begin(), train.end(), row));
  EXPECT_NE(drawn, rows_of(bootstrap, "b"));
}

TEST_F(Views, TimeWindowLastAndSegment) {
  make_tiny();
  MemberData window;
  window.from_time = 20;
  window.to_time = 40;
  EXPECT_THAT(rows_of(window), ElementsAre(1, 2, 3));
  window.to_time = 0;
  EXPECT_THAT(rows_of(window), ElementsAre(1, 2, 3, 4));
  MemberData last;
  last.last = 0.4;
  EXPECT_THAT(rows_of(last), ElementsAre(3, 4));
  MemberData segment;
  segment.segment = "gender=M";
  EXPECT_THAT(rows_of(segment), ElementsAre(1, 4));
  segment.last = 0.5;  // of the segment
  EXPECT_THAT(rows_of(segment), ElementsAre(4));
}

TEST_F(Views, RefuseWhatCannotBe) {
  make_tiny();
  const auto text_of = [&](auto change) {
    MemberData options;
    change(options);
    return error_of(Code::Config, [&] { training_view(*store_, options, 1, "minilm"); });
  };
  EXPECT_THAT(text_of([](auto& o) { o.fields = {"titel"}; }), HasSubstr("did you mean 'title'"));
  EXPECT_THAT(text_of([](auto& o) { o.fields.clear(); }), HasSubstr("data.fields"));
  EXPECT_THAT(text_of([](auto& o) { o.user_fields = {"age"}; }), HasSubstr("data.user_fields"));
  EXPECT_THAT(text_of([](auto& o) { o.segment = "gende=F"; }), HasSubstr("'gender'"));
  EXPECT_THAT(text_of([](auto& o) { o.segment = "gender"; }), HasSubstr("COLUMN=VALUE"));
  EXPECT_THAT(text_of([](auto& o) { o.segment = "gender=X"; }),
              HasSubstr("'minilm': its data options leave no training row"));
  EXPECT_THAT(text_of([](auto& o) { o.fold = 5; }), HasSubstr("data.fold is 5 of 5"));
  EXPECT_THAT(text_of([](auto& o) { o.fraction = 0; }), HasSubstr("data.fraction"));
  EXPECT_THAT(text_of([](auto& o) { o.last = 1.5; }), HasSubstr("data.last"));
  EXPECT_THAT(text_of([](auto& o) { o.drop_field = 2; }), HasSubstr("data.drop_field"));
  EXPECT_THAT(text_of([](auto& o) { o.history = -1; }), HasSubstr("data.history"));
  EXPECT_THAT(text_of([](auto& o) { o.from_time = 9, o.to_time = 5; }), HasSubstr("from_time"));
}

TEST_F(Views, AugmentationIsSeededAndStaysInTraining) {
  make(small_source(folder_, 2, 40, 80));
  MemberData options;
  options.crop_history = 0.5;
  options.shuffle_history = 0.5;
  options.drop_field = 0.5;
  const auto view = training_view(*store_, options, 1, "a");
  const auto again = training_view(*store_, options, 1, "a");
  const auto other = training_view(*store_, options, 1, "b");
  const auto plain = training_view(*store_, {}, 1, "a");
  int changed = 0;
  int differs = 0;
  for (Row i = view->size() - 1; i >= 0; --i) {  // any order
    EXPECT_EQ(view->get(i).text, again->get(i).text);
    EXPECT_EQ(view->get(i).text_pair, again->get(i).text_pair);
    EXPECT_FALSE(view->get(i).text_pair.empty());
    changed += view->get(i).text != plain->get(i).text ? 1 : 0;
    differs += view->get(i).text != other->get(i).text ? 1 : 0;
  }
  EXPECT_GT(changed, view->size() / 3);
  EXPECT_GT(differs, view->size() / 3);
  check_leaks(*store_, *view, "a");
  const auto test = evaluation_view(*store_, Part::Test, options);
  const auto plain_test = evaluation_view(*store_, Part::Test, {});
  for (Row i = 0; i < test->size(); ++i) {
    EXPECT_EQ(test->get(i).text, plain_test->get(i).text);
    EXPECT_EQ(test->get(i).text_pair, plain_test->get(i).text_pair);
  }
}

TEST_F(Views, SharedHistoriesGrowWithTheUserAndStayInThePast) {
  make(small_source(folder_, 2, 60, 100));
  MemberData options;
  options.history = 1000;
  options.share_history = 12;
  options.statistics = true;
  options.shuffle_history = 0.5;
  const auto view = training_view(*store_, options, 1, "m");
  std::map<std::int32_t, std::vector<Example>> by_user;
  for (Row i = 0; i < view->size(); ++i) {
    Example example = view->get(i);
    by_user[example.user].push_back(std::move(example));
  }
  ASSERT_EQ(by_user.size(), 2U);
  for (const auto& [user, rows] : by_user) {
    ASSERT_GT(rows.size(), 36U);
    for (std::size_t k = 0; k < rows.size(); ++k) {
      // Cut after 1, 2, 4, 8, then at every multiple of 12.
      const std::size_t shown = k >= 12 ? k - k % 12 : k >= 8 ? 8 : k >= 4 ? 4 : k >= 2 ? 2 : k;
      EXPECT_EQ(rows[k].sources.size(), shown) << "row " << k << " of user " << user;
      EXPECT_EQ(rows[k].text, rows[shown].text) << "row " << k;
      const bool begins = shown == k && k > 0;
      EXPECT_EQ(begins, k > 0 && rows[k].text != rows[k - 1].text) << "row " << k;
    }
  }
  check_leaks(*store_, *view, "m");
  // What is scored shows all there is, as without sharing.
  MemberData plain = options;
  plain.share_history = 0;
  const auto test = evaluation_view(*store_, Part::Test, options);
  EXPECT_EQ(test->get(0).text, evaluation_view(*store_, Part::Test, plain)->get(0).text);
}

TEST_F(Views, SharedHistoriesShowNothingOfTheirFirstSecond) {
  // Four rows of one second: none may see another, whatever piece they are in.
  make(test::quarter_tested(folder_,
                            "user_id,item_id,rating,timestamp\nann,a,5,1\nann,b,5,7\nann,c,5,7\n"
                            "ann,d,5,7\nann,e,5,7\nann,f,5,9\nann,g,5,10\nann,h,5,11\n"));
  MemberData options;
  options.fields = {"id"};
  options.share_history = 64;
  const auto view = training_view(*store_, options, 1, "m");
  for (Row i = 1; i < 5; ++i) EXPECT_THAT(view->get(i).sources, ElementsAre(0)) << i;
  check_leaks(*store_, *view, "m");
}

TEST_F(Views, LeaveOutRepeatsOfHeldOutPairs) {
  DataOptions options = test::quarter_tested(
      folder_, "user_id,item_id,rating,timestamp\nann,x,5,1\nann,y,5,2\nbob,x,5,3\nann,x,5,4\n");
  options.cleaning.drop_duplicates = false;
  make(options);
  MemberData member;
  member.fields = {"id"};
  member.statistics = true;
  EXPECT_THAT(rows_of(member), ElementsAre(1, 2));
  // Nor does a text show them: row 0 is ann and x, as is the test row.
  const auto view = training_view(*store_, member, 1, "m");
  EXPECT_EQ(view->get(0).text, "new user");
  EXPECT_EQ(view->get(1).text_pair, "x, no viewers");
  const auto test = evaluation_view(*store_, Part::Test, member);
  EXPECT_EQ(test->get(0).text, "likes 100% of 1 seen. liked y");
  EXPECT_THAT(test->get(0).sources, ElementsAre(1));
  check_leaks(*store_, *view, "m");
  check_evaluation_leaks(*store_, *test, Part::Test, "m");
}

TEST_F(Views, WorkWithoutTimesAndRatings) {
  folder_.write("a.csv", "user_id,item_id\nann,x\nann,y\nbob,x\nbob,y\nann,z\n");
  DataOptions options;
  options.source = "csv";
  options.path = folder_.path().string();
  options.csv.interactions = "a.csv";
  options.csv.rating = "";
  options.csv.time = "";
  options.split.validation = 0;
  options.split.by = "random";
  options.split.test = 0;
  make(options);
  MemberData member;
  member.fields = {"id"};
  member.statistics = true;
  const auto view = training_view(*store_, member, 1, "m");
  EXPECT_EQ(view->get(1).text, "likes 100% of 1 seen. chose x");
  EXPECT_EQ(view->get(3).text_pair, "y, viewers 1, liked by 100%");
  EXPECT_EQ(view->get(0).label, 1.0);
  check_leaks(*store_, *view, "m");
  options.task = "rating";
  EXPECT_THAT(error_of(Code::Data, [&] { make(options); }), HasSubstr("task rating needs ratings"));
}

}  // namespace
}  // namespace tutti
