#include "tutti/train/head.hpp"

#include "tutti/data/error.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace tutti {
namespace {

Batch labelled(const std::vector<double>& labels, const std::vector<std::int32_t>& users = {}) {
  Batch batch;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    Tokens tokens;
    tokens.row = static_cast<Row>(i);
    tokens.user = users.empty() ? 0 : users[i];
    tokens.label = labels[i];
    tokens.encoding.ids = {1};
    batch.append(tokens);
  }
  return batch;
}

double loss(const Head& head, const std::vector<float>& logits, const Batch& batch) {
  const at::Tensor values = at::tensor(logits).view({batch.examples(), head.num_labels()});
  return head.loss_sum(values, batch).item<double>();
}

std::vector<double> scores(const Head& head, const std::vector<float>& logits) {
  std::vector<double> out(logits.size() / static_cast<std::size_t>(head.num_labels()));
  head.scores(logits, out);
  return out;
}

HeadOptions rating(int labels, double low, double high) { return {"rating", labels, low, high}; }

TEST(Classification, ClickIsCrossEntropyOfTwoClassesSummed) {
  const auto head = HeadRegistry::make("classification", HeadOptions{});
  ASSERT_EQ(head->num_labels(), 2);
  const double want = std::log(1 + std::exp(-2.0)) + std::log(1 + std::exp(0.5));
  EXPECT_NEAR(loss(*head, {1, 3, 0, 0.5}, labelled({1, 0})), want, 1e-6);
  EXPECT_DOUBLE_EQ(head->loss_weight(labelled({1, 0})), 2.0);
  EXPECT_NEAR(scores(*head, {1, 3})[0], 1 / (1 + std::exp(-2.0)), 1e-7);
  EXPECT_EQ(head->problem_type(), "single_label_classification");
}

TEST(Classification, OneLabelIsBinaryCrossEntropy) {
  const auto head = HeadRegistry::make("classification", HeadOptions{"click", 1});
  EXPECT_NEAR(loss(*head, {2, -1}, labelled({1, 0})),
              std::log(1 + std::exp(-2.0)) + std::log(1 + std::exp(-1.0)), 1e-6);
  EXPECT_NEAR(scores(*head, {2})[0], 1 / (1 + std::exp(-2.0)), 1e-7);
}

TEST(Classification, RatingClassesAreSpreadOverTheRange) {
  const auto head = HeadRegistry::make("classification", rating(10, 0.5, 5.0));
  // Class c is the rating 0.5 + 0.5 c: a label must be its own class's, and no other's.
  for (int c = 0; c < 10; ++c) {
    std::vector<float> logits(10, 0.0F);
    logits[static_cast<std::size_t>(c)] = 40.0F;
    EXPECT_NEAR(loss(*head, logits, labelled({0.5 + 0.5 * c})), 0.0, 1e-6) << c;
    EXPECT_NEAR(scores(*head, logits)[0], 0.5 + 0.5 * c, 1e-9) << c;
  }
  EXPECT_NEAR(scores(*head, std::vector<float>(10, 1.0F))[0], 2.75, 1e-9);
}

TEST(Classification, TenClassesTakeRatingsOfOneToFive) {
  const auto head = HeadRegistry::make("classification", rating(10, 1, 5));
  EXPECT_TRUE(std::isfinite(loss(*head, std::vector<float>(50, 0.0F), labelled({1, 2, 3, 4, 5}))));
  std::vector<float> top(10, 0.0F);
  top[9] = 40.0F;
  EXPECT_NEAR(loss(*head, top, labelled({5})), 0.0, 1e-6);
  EXPECT_EQ(HeadRegistry::make("classification", rating(0, 1, 5))->num_labels(), 5);
}

TEST(Classification, RefusesManyLabelsForAClick) {
  EXPECT_THROW(HeadRegistry::make("classification", HeadOptions{"click", 3}), Error);
  EXPECT_THROW(HeadRegistry::make("classification", rating(5, 5, 5)), Error);
}

TEST(Regression, SquaredErrorAndScoresInsideTheRange) {
  const auto head = HeadRegistry::make("regression", rating(0, 1, 5));
  EXPECT_NEAR(loss(*head, {2, 5.5F}, labelled({4, 5})), 4.25, 1e-6);
  EXPECT_EQ(scores(*head, {0.2F, 3.5F, 7.0F}), (std::vector<double>{1, 3.5, 5}));
  EXPECT_EQ(head->problem_type(), "regression");
  const auto click = HeadRegistry::make("regression", HeadOptions{});
  EXPECT_EQ(scores(*click, {-0.5F, 0.25F, 2.0F}), (std::vector<double>{0, 0.25, 1}));
}

TEST(Ranking, PairsWithinAUserOnly) {
  const auto head = HeadRegistry::make("ranking", HeadOptions{"rank"});
  const Batch batch = labelled({1, 0, 0, 1}, {7, 7, 7, 8});
  const double want = std::log(1 + std::exp(-(2.0 - 1.0))) + std::log(1 + std::exp(-(2.0 + 1.0)));
  EXPECT_NEAR(loss(*head, {2, 1, -1, -9}, batch), want, 1e-6);
  EXPECT_DOUBLE_EQ(head->loss_weight(batch), 2.0);
  EXPECT_TRUE(head->groups_by_user());
  EXPECT_NEAR(scores(*head, {2})[0], 1 / (1 + std::exp(-2.0)), 1e-7);
}

TEST(Ranking, NoPairGivesNoLossButAGradient) {
  const auto head = HeadRegistry::make("ranking", HeadOptions{"rank"});
  const at::Tensor logits = at::ones({2, 1}).requires_grad_(true);
  const at::Tensor sum = head->loss_sum(logits, labelled({1, 1}, {1, 2}));
  EXPECT_EQ(sum.item<double>(), 0.0);
  sum.backward();
  EXPECT_TRUE(logits.grad().equal(at::zeros({2, 1})));
}

// A loss is a sum: two halves of a batch give the whole.
class HeadConformance : public ::testing::TestWithParam<std::string> {};

TEST_P(HeadConformance, LossAndWeightAddUpOverUsers) {
  const auto head = HeadRegistry::make(GetParam(), HeadOptions{});
  const auto width = static_cast<std::size_t>(head->num_labels());
  std::vector<float> logits;
  for (std::size_t i = 0; i < 6 * width; ++i) logits.push_back(std::sin(static_cast<float>(i)));
  const std::vector<float> head_logits(logits.begin(), logits.begin() + 3 * width);
  const std::vector<float> tail_logits(logits.begin() + 3 * width, logits.end());
  const Batch whole = labelled({1, 0, 1, 0, 0, 1}, {1, 1, 1, 2, 2, 2});
  const Batch first = labelled({1, 0, 1}, {1, 1, 1});
  const Batch second = labelled({0, 0, 1}, {2, 2, 2});
  EXPECT_NEAR(loss(*head, logits, whole),
              loss(*head, head_logits, first) + loss(*head, tail_logits, second), 1e-5);
  EXPECT_DOUBLE_EQ(head->loss_weight(whole), head->loss_weight(first) + head->loss_weight(second));
}

TEST_P(HeadConformance, AClickScoreIsAProbabilityAndRisesWithTheEvidence) {
  const auto head = HeadRegistry::make(GetParam(), HeadOptions{});
  double last = -1;
  for (const float evidence : {-90.0F, -0.3F, 0.4F, 0.6F, 90.0F}) {
    std::vector<float> logits(static_cast<std::size_t>(head->num_labels()), 0.0F);
    logits.back() = evidence;
    const double score = scores(*head, logits)[0];
    EXPECT_GE(score, std::max(0.0, last));
    EXPECT_LE(score, 1.0);
    last = score;
  }
  EXPECT_GT(last, 0.99);
}

INSTANTIATE_TEST_SUITE_P(Every, HeadConformance, ::testing::ValuesIn(HeadRegistry::names()),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace tutti
