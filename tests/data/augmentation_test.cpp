#include "tutti/data/augmentation.hpp"

#include "tutti/data/tables.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

namespace tutti {
namespace {

using ::testing::ElementsAre;

const std::vector<Row> kHistory = {9, 8, 7, 6, 5};

TEST(Augmentation, CropKeepsTheLatest) {
  Random random(1, "test");
  std::set<std::size_t> sizes;
  for (int i = 0; i < 200; ++i) {
    std::vector<Row> history = kHistory;
    EXPECT_TRUE(crop_history(history, 1.0, random));
    EXPECT_TRUE(std::equal(history.begin(), history.end(), kHistory.begin()));
    sizes.insert(history.size());
  }
  EXPECT_THAT(sizes, ElementsAre(1, 2, 3, 4, 5));
  std::vector<Row> none;
  crop_history(none, 1.0, random);
  EXPECT_TRUE(none.empty());
}

TEST(Augmentation, ShuffleKeepsTheSet) {
  Random random(1, "test");
  std::vector<Row> history = kHistory;
  EXPECT_TRUE(shuffle_history(history, 1.0, random));
  EXPECT_NE(history, kHistory);
  EXPECT_THAT(history, testing::UnorderedElementsAreArray(kHistory));
}

TEST(Augmentation, ProbabilityZeroChangesNothing) {
  Random random(1, "test");
  std::vector<Row> history = kHistory;
  EXPECT_FALSE(crop_history(history, 0.0, random));
  EXPECT_FALSE(shuffle_history(history, 0.0, random));
  EXPECT_EQ(history, kHistory);
  EXPECT_THAT(keep_fields(3, 0.0, random), ElementsAre(1, 1, 1));
}

TEST(Augmentation, DropsFieldsAsOftenAsToldButNeverAll) {
  Random random(1, "test");
  EXPECT_THAT(keep_fields(3, 1.0, random), ElementsAre(1, 0, 0));
  int kept = 0;
  for (int i = 0; i < 4000; ++i) kept += keep_fields(2, 0.25, random)[1];
  EXPECT_NEAR(kept, 3000, 150);  // 5.5 standard deviations of a binomial
}

}  // namespace
}  // namespace tutti
