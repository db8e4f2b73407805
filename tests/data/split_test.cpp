#include "tutti/data/split.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "fixture.hpp"

namespace tutti {
namespace {

using test::error_of;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// `per_user[u]` rows of user u, dealt round by round, one a second.
Interactions rows_of_users(std::vector<int> per_user) {
  Interactions rows;
  for (std::size_t u = 0; u < per_user.size(); ++u) rows.user_ids.push_back(std::to_string(u));
  for (bool left = true; left;) {
    left = false;
    for (std::size_t u = 0; u < per_user.size(); ++u) {
      if (per_user[u]-- <= 0) continue;
      left = true;
      rows.user.push_back(static_cast<std::int32_t>(u));
      rows.item.push_back(static_cast<std::int32_t>(rows.size()));
      rows.time.push_back(rows.size());
      rows.rating.push_back(3);
    }
  }
  return rows;
}

std::int64_t rows_in(const std::vector<Part>& parts, Part part) {
  return std::count(parts.begin(), parts.end(), part);
}

SplitOptions by(const std::string& name, double validation = 0.1, double test = 0.2) {
  SplitOptions options;
  options.by = name;
  options.validation = validation;
  options.test = test;
  return options;
}

constexpr Part kT = Part::Train;
constexpr Part kV = Part::Validation;
constexpr Part kX = Part::Test;

TEST(Split, ByTimePutsTheLatestRowsLast) {
  EXPECT_THAT(split_rows(rows_of_users({5, 5}), by("time"), 1),
              ElementsAre(kT, kT, kT, kT, kT, kT, kT, kV, kX, kX));
}

TEST(Split, ByUserTimePutsEachUsersLatestRowsLast) {
  // User 0: rows 0 2 4 .. of five; user 1 has one row and keeps it for training.
  const Interactions rows = rows_of_users({5, 1});
  EXPECT_THAT(split_rows(rows, by("user-time", 0.2, 0.4), 1), ElementsAre(kT, kT, kT, kV, kX, kX));
}

TEST(Split, LeaveLastOutTakesOneRowEach) {
  const Interactions rows = rows_of_users({4, 3, 2});
  // Rows: 0 1 2 | 0 1 2 | 0 1 | 0: user 2 has too few to give any.
  EXPECT_THAT(split_rows(rows, by("leave-last-out"), 1),
              ElementsAre(kT, kT, kT, kT, kV, kT, kV, kX, kX));
  EXPECT_EQ(rows_in(split_rows(rows, by("leave-last-out", 0.0), 1), kV), 0);
}

TEST(Split, RandomDependsOnTheSeedAlone) {
  const Interactions rows = rows_of_users({50, 50});
  const auto parts = split_rows(rows, by("random"), 1);
  EXPECT_EQ(rows_in(parts, kV), 10);
  EXPECT_EQ(rows_in(parts, kX), 20);
  EXPECT_EQ(parts, split_rows(rows, by("random"), 1));
  EXPECT_NE(parts, split_rows(rows, by("random"), 2));
  EXPECT_NE(std::count(parts.begin(), parts.begin() + 70, kX), 0);
}

TEST(Split, LimitTakesWholeUsers) {
  const Interactions rows = rows_of_users(std::vector<int>(20, 10));
  SplitOptions options = by("user-time", 0.1, 0.3);
  const auto all = split_rows(rows, options, 1);
  options.max_test = 20;
  options.max_validation = 7;
  const auto parts = split_rows(rows, options, 1);
  EXPECT_EQ(rows_in(parts, kX), 18);  // six users of three rows
  EXPECT_EQ(rows_in(parts, kV), 7);
  EXPECT_EQ(rows_in(parts, kT), rows_in(all, kT));
  EXPECT_EQ(rows_in(parts, Part::Unused), 60 - 18 + 20 - 7);
  std::map<std::int32_t, int> test_rows;
  for (std::size_t r = 0; r < parts.size(); ++r) test_rows[rows.user[r]] += parts[r] == kX ? 1 : 0;
  for (const auto& [user, count] : test_rows) EXPECT_TRUE(count == 0 || count == 3) << user;
  EXPECT_NE(parts, split_rows(rows, options, 2));
}

// Every split, found by its registry.
TEST(Split, GivesEveryRowOnePartAndTheSameTwice) {
  const Interactions rows = rows_of_users({30, 20, 10, 5});
  for (const std::string& name : SplitterRegistry::names()) {
    const auto parts = split_rows(rows, by(name), 3);
    EXPECT_EQ(parts.size(), 65U) << name;
    EXPECT_EQ(parts, split_rows(rows, by(name), 3)) << name;
    EXPECT_GT(rows_in(parts, kT), rows_in(parts, kX)) << name;
    EXPECT_GT(rows_in(parts, kX), 0) << name;
    EXPECT_GT(rows_in(parts, kV), 0) << name;
    EXPECT_THAT(split_rows(rows, by(name, 0, 0), 3), Each(kT)) << name;
  }
}

TEST(Split, RefusesToGoByTimesThatAreNotThere) {
  Interactions rows = rows_of_users({50, 50});
  rows.time = std::vector<std::int64_t>(rows.time.size(), 0);
  for (const char* name : {"time", "user-time", "leave-last-out"}) {
    EXPECT_THAT(error_of(Code::Config, [&] { split_rows(rows, by(name), 1); }),
                AllOf(HasSubstr("'" + std::string(name) + "', but the source has no times"),
                      HasSubstr("\"random\"")));
  }
  EXPECT_EQ(rows_in(split_rows(rows, by("random"), 1), kX), 20);
}

TEST(Split, RefusesWhatCannotBe) {
  const Interactions rows = rows_of_users({2});
  EXPECT_THAT(error_of(Code::Config, [&] { split_rows(rows, by("time", 0.5, 0.5), 1); }),
              HasSubstr("below 1"));
  EXPECT_THAT(error_of(Code::Config, [&] { split_rows(rows, by("tme"), 1); }),
              HasSubstr("did you mean 'time'"));
  EXPECT_THAT(error_of(Code::Data, [&] { split_rows(rows, by("time", 0.1, 0.1), 1); }),
              HasSubstr("the validation part is empty"));
}

}  // namespace
}  // namespace tutti
