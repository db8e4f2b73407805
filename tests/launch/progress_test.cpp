#include "tutti/launch/progress.hpp"

#include <gtest/gtest.h>

namespace tutti {
namespace {

TEST(Progress, SaysRatesAndTimeLeft) {
  const Progress progress{0, "train", 30, 120, 0.5, 12.4, 900.6};
  EXPECT_EQ(progress_text(progress, 60),
            "train 30/120 loss 0.5000, 12 examples/s, 901 tokens/s, 3 min left");
}

TEST(Progress, StageWithoutStepsIsItsName) {
  Progress progress;
  progress.stage = "prepare";
  EXPECT_EQ(progress_text(progress, 60), "prepare");
}

TEST(Progress, NothingIsLeftAtTheEnd) {
  const Progress progress{0, "train", 120, 120, 0.5, 12, 900};
  EXPECT_EQ(progress_text(progress, 60), "train 120/120 loss 0.5000, 12 examples/s, 900 tokens/s");
}

}  // namespace
}  // namespace tutti
