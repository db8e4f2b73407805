#include "tutti/launch/messages.hpp"

#include "tutti/data/error.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace tutti {
namespace {

template <class T>
T round_trip(const T& message) {
  const JobMessage back = message_from_json(to_json(message));
  EXPECT_TRUE(std::holds_alternative<T>(back));
  return std::get<T>(back);
}

TEST(Messages, EveryKindComesBack) {
  EXPECT_EQ(round_trip(Hello{3, "node7"}).host, "node7");
  const Assign assign = round_trip(Assign{2, {0, 3}, 17});
  EXPECT_EQ(assign.member, 2);
  EXPECT_EQ(assign.ranks, (std::vector<int>{0, 3}));
  EXPECT_EQ(assign.serial, 17);
  const Progress progress = round_trip(Progress{1, "train", 5, 10, 0.25, 30.5, 4000});
  EXPECT_EQ(progress.stage, "train");
  EXPECT_EQ(progress.loss, 0.25);
  Done outcome;
  outcome.member = 4;
  outcome.trained = true;
  outcome.reason = "line\nwith \"quotes\"";
  outcome.parameters = 22713216;
  outcome.ranks = {1};
  EXPECT_EQ(round_trip(outcome).reason, outcome.reason);
  EXPECT_EQ(round_trip(outcome).parameters, outcome.parameters);
  EXPECT_TRUE(round_trip(outcome).trained);
  EXPECT_EQ(round_trip(Stop{3}).code, 3);
}

TEST(Messages, NanAndBrokenTextSurviveTheWire) {
  Progress progress;
  progress.loss = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(std::isnan(round_trip(progress).loss));
  EXPECT_NO_THROW(round_trip(Hello{0, "\xff\xfe"}));
}

TEST(Messages, OtherVersionsAndRubbishAreRefused) {
  for (const char* text : {"", "{}", "[]", "{\"version\":2,\"kind\":0,\"rank\":0,\"host\":\"\"}",
                           "{\"version\":1,\"kind\":99}", "{\"version\":1,\"kind\":0}"}) {
    EXPECT_THROW(message_from_json(text), Error) << text;
  }
}

}  // namespace
}  // namespace tutti
