#include "tutti/train/schedule.hpp"

#include "tutti/data/error.hpp"

#include <gtest/gtest.h>

namespace tutti {
namespace {

// Values of transformers 5.23: get_linear_schedule_with_warmup(optimizer, 2, 10) and the like.
TEST(Schedule, LinearRisesFromZeroAndFallsToZero) {
  const Schedule schedule("linear", 1.0, 0.2, 10);
  const double want[] = {0, 0.5, 1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125};
  for (int step = 0; step < 10; ++step) EXPECT_DOUBLE_EQ(schedule.at(step), want[step]) << step;
  EXPECT_DOUBLE_EQ(schedule.at(10), 0);
}

TEST(Schedule, CosineIsHalfAWave) {
  const Schedule schedule("cosine", 2.0, 0.2, 10);
  EXPECT_DOUBLE_EQ(schedule.at(1), 1.0);
  EXPECT_DOUBLE_EQ(schedule.at(2), 2.0);
  EXPECT_NEAR(schedule.at(4), 1.7071067811865475, 1e-12);
  EXPECT_NEAR(schedule.at(6), 1.0, 1e-12);
  EXPECT_NEAR(schedule.at(10), 0.0, 1e-12);
}

TEST(Schedule, ConstantStaysAfterWarmUp) {
  const Schedule schedule("constant", 3.0, 0.5, 4);
  EXPECT_DOUBLE_EQ(schedule.at(1), 1.5);
  EXPECT_DOUBLE_EQ(schedule.at(2), 3.0);
  EXPECT_DOUBLE_EQ(schedule.at(100), 3.0);
}

TEST(Schedule, WarmUpRoundsUpAndMayBeNone) {
  EXPECT_DOUBLE_EQ(Schedule("linear", 1.0, 0.01, 10).at(0), 0.0);
  EXPECT_DOUBLE_EQ(Schedule("linear", 1.0, 0.0, 10).at(0), 1.0);
}

TEST(Schedule, RefusesWhatItDoesNotKnow) {
  try {
    Schedule("linaer", 1.0, 0.0, 10);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::Config);
    EXPECT_NE(std::string(error.what()).find("did you mean 'linear'"), std::string::npos);
  }
  EXPECT_THROW(Schedule("linear", 1.0, 1.5, 10), Error);
}

}  // namespace
}  // namespace tutti
