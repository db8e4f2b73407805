#include "tutti/data/cleaning.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "fixture.hpp"

namespace tutti {
namespace {

using test::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

struct Event {
  std::int32_t user, item;
  double rating;
  std::int64_t time;
};

Source source_of(const std::vector<Event>& events) {
  Source source;
  source.file = "ratings.csv";
  source.read = static_cast<std::int64_t>(events.size());
  Interactions& rows = source.interactions;
  rows.user_ids = {"a", "b", "c"};
  rows.item_ids = {"w", "x", "y", "z"};
  for (const Event& event : events) {
    rows.user.push_back(event.user);
    rows.item.push_back(event.item);
    rows.rating.push_back(event.rating);
    rows.time.push_back(event.time);
    rows.line.push_back(rows.size() + 1);
  }
  return source;
}

std::int64_t total(const CleaningReport& report) {
  std::int64_t rows = report.kept;
  for (const auto& [reason, dropped] : report.dropped) rows += dropped;
  return rows;
}

TEST(Cleaning, SortsByTimeAndThenByPosition) {
  Source source = source_of({{0, 0, 1, 30}, {0, 1, 2, 10}, {0, 2, 3, 30}, {0, 3, 4, 20}});
  clean(source, {});
  EXPECT_THAT(source.interactions.time, ElementsAre(10, 20, 30, 30));
  EXPECT_THAT(source.interactions.rating, ElementsAre(2, 4, 1, 3));
  EXPECT_THAT(source.interactions.line, ElementsAre(3, 5, 2, 4));

  source = source_of({});
  for (int i = 0; i < 100; ++i) {  // enough for a sort that is not stable to show it
    source.interactions.user.push_back(0);
    source.interactions.item.push_back(i % 4);
    source.interactions.rating.push_back(3);
    source.interactions.time.push_back(i % 2);
    source.interactions.line.push_back(i);
  }
  CleaningOptions keep;
  keep.drop_duplicates = false;
  clean(source, keep);
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(source.interactions.line[i], static_cast<std::int64_t>(i < 50 ? 2 * i : 2 * i - 99));
  }
}

TEST(Cleaning, TreatsARatingOutOfRangeAsTold) {
  const std::vector<Event> events = {{0, 0, 3, 1}, {0, 1, 5.5, 2}, {0, 2, -1, 3}};
  Source source = source_of(events);
  EXPECT_THAT(error_of(Code::Data, [&] { clean(source, {}); }),
              HasSubstr("ratings.csv:3: rating 5.5 is outside 1 .. 5"));
  CleaningOptions options;
  options.out_of_range = "drop";
  source = source_of(events);
  CleaningReport report = clean(source, options);
  EXPECT_THAT(report.dropped, ElementsAre(Pair("rating out of range", 2)));
  EXPECT_EQ(total(report), 3);
  options.out_of_range = "clip";
  source = source_of(events);
  report = clean(source, options);
  EXPECT_THAT(source.interactions.rating, ElementsAre(3, 5, 1));
  EXPECT_THAT(report.repaired, ElementsAre(Pair("rating clipped to the range", 2)));
  options.out_of_range = "keep";
  EXPECT_THAT(error_of(Code::Config, [&] { clean(source, options); }), HasSubstr("out_of_range"));
}

TEST(Cleaning, LeavesSourcesWithoutRatingsAlone) {
  Source source = source_of({{0, 0, std::numeric_limits<double>::quiet_NaN(), 1}});
  EXPECT_EQ(clean(source, {}).kept, 1);
}

TEST(Cleaning, KeepsTheLastOfDuplicatesAndCountsBothKinds) {
  const std::vector<Event> events = {
      {0, 0, 1, 10}, {0, 0, 2, 10}, {0, 0, 3, 20}, {1, 0, 4, 10}, {0, 1, 5, 5}};
  Source source = source_of(events);
  const CleaningReport report = clean(source, {});
  EXPECT_THAT(source.interactions.rating, ElementsAre(5, 4, 3));
  EXPECT_THAT(report.dropped,
              ElementsAre(Pair("repeated: same user and item, later row stays", 2)));
  source = source_of({{0, 0, 1, 10}, {0, 0, 2, 10}});
  EXPECT_THAT(clean(source, {}).dropped,
              ElementsAre(Pair("duplicate: same user, item and time", 1)));
  EXPECT_THAT(source.interactions.rating, ElementsAre(2));
  CleaningOptions keep;
  keep.drop_duplicates = false;
  source = source_of(events);
  EXPECT_EQ(clean(source, keep).kept, 5);
}

TEST(Cleaning, DropsRobotsByTheDay) {
  // User 0: three on day 0; user 1: two on day 0 and two on day 1; user 2 around 1970.
  Source source = source_of({{0, 0, 3, 1},
                             {0, 1, 3, 2},
                             {0, 2, 3, 86399},
                             {1, 0, 3, 1},
                             {1, 1, 3, 2},
                             {1, 2, 3, 86400},
                             {1, 3, 3, 86401},
                             {2, 0, 3, -1},
                             {2, 1, 3, 0},
                             {2, 2, 3, -2}});
  CleaningOptions options;
  options.max_user_per_day = 2;
  const CleaningReport report = clean(source, options);
  EXPECT_THAT(report.dropped, ElementsAre(Pair("robot: more than 2 in a day", 3)));
  EXPECT_THAT(source.interactions.user, testing::Each(testing::Ne(0)));
}

TEST(Cleaning, DropsShortHistoriesUntilNoneIsLeft) {
  // Item z has one row; without it user c has one; without that item y has one, of user b.
  Source source = source_of({{0, 0, 3, 1},
                             {0, 1, 3, 2},
                             {1, 0, 3, 3},
                             {1, 1, 3, 4},
                             {1, 2, 3, 5},
                             {2, 2, 3, 6},
                             {2, 3, 3, 7}});
  CleaningOptions options;
  options.min_user_interactions = 2;
  options.min_item_interactions = 2;
  const CleaningReport report = clean(source, options);
  EXPECT_EQ(report.kept, 4);
  EXPECT_THAT(report.dropped, ElementsAre(Pair("item with too few interactions", 2),
                                          Pair("user with too few interactions", 1)));
  EXPECT_EQ(total(report), 7);
  options.min_user_interactions = 9;
  EXPECT_THAT(error_of(Code::Data, [&] { clean(source, options); }),
              HasSubstr("cleaning left nothing of ratings.csv"));
}

TEST(Cleaning, ReportComesBackFromJson) {
  const CleaningReport report = {7, 3, {{"a \"b\"", 3}, {"c", 1}}, {{"d", 2}}};
  EXPECT_EQ(to_json(report),
            R"({"read":7,"kept":3,"dropped":{"a \"b\"":3,"c":1},"repaired":{"d":2}})");
  const CleaningReport back = cleaning_from_json(to_json(report));
  EXPECT_EQ(back.read, 7);
  EXPECT_EQ(back.kept, 3);
  EXPECT_EQ(back.dropped, report.dropped);
  EXPECT_EQ(back.repaired, report.repaired);
  error_of(Code::Data, [] { (void)cleaning_from_json("{\"read\": }"); });
}

}  // namespace
}  // namespace tutti
