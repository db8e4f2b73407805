#include "tutti/launch/fusion_input.hpp"

#include "tutti/data/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tutti {
namespace {

using ::testing::HasSubstr;

Predictions two_parts() {
  Predictions out;
  out.member = "bert";
  out.validation.row = {0, 1};
  out.validation.user = {0, 1};
  out.validation.item = {0, 1};
  out.test.row = {2, 3};
  out.test.user = {0, 1};
  out.test.item = {2, 3};
  return out;
}

std::string refusal(const Predictions& rows) {
  try {
    check_fusion_leaks(rows, "scores.csv");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::Data);
    return error.what();
  }
  return "";
}

TEST(FusionLeaks, PartsWithoutACommonPairPass) { EXPECT_EQ(refusal(two_parts()), ""); }

TEST(FusionLeaks, APairInBothPartsIsRefusedAndItsRowNamed) {
  Predictions rows = two_parts();
  rows.test.item[1] = rows.validation.item[1];
  EXPECT_THAT(refusal(rows), HasSubstr("scores.csv: data row 4 is a test row"));
}

// Both members score alike by AUC but not by log-loss; the verdict may judge by another metric than
// rule "best" does, and the bundle must hold the verdict's member.
TEST(KeptRule, HoldsTheMemberThatTheVerdictNames) {
  AssessInput input;
  input.fusion.members = {{"first", 1, 1}, {"second", 1, 1}};
  Verdict verdict;
  verdict.keep = "member";
  verdict.best_member = "second";
  std::string name;
  const auto rule = kept_rule(input, verdict, "average", name);
  EXPECT_EQ(name, "best");
  EXPECT_EQ(rule->weights(), (std::vector<double>{0.0, 1.0}));
}

}  // namespace
}  // namespace tutti
