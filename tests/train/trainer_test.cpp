#include "tutti/train/trainer.hpp"

#include "tutti/data/error.hpp"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <set>

#include "tiny_model.hpp"

namespace tutti {
namespace {

using test::TinyHead;
using test::TinyModel;

TrainOptions quick_options() {
  TrainOptions options;
  options.epochs = 2;
  options.batch_tokens = 200;
  options.learning_rate = 1e-2;
  return options;
}

struct Result {
  std::vector<double> losses;
  std::vector<at::Tensor> weights;  ///< of rank 0
};

/// Trains a fresh TinyModel on threads, one model a rank; checks that all ranks end with the same
/// bits.
Result train_on(int ranks, const TrainOptions& options, std::span<const Tokens> examples,
                const Head& head = TinyHead()) {
  Result result;
  std::mutex mutex;
  run_on_threads(ranks, [&](Communicator& group) {
    TinyModel model;
    const MemberOutcome outcome =
        train(group, model, head, examples, options,
              [&](const StepReport& report) { result.losses.push_back(report.loss); });
    EXPECT_TRUE(std::holds_alternative<Trained>(outcome));
    std::vector<at::Tensor> weights = test::copy_of_weights(model);
    const std::lock_guard lock(mutex);
    if (result.weights.empty()) result.weights = weights;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      EXPECT_TRUE(at::equal(weights[i], result.weights[i])) << "ranks hold different weights";
    }
  });
  return result;
}

void expect_near(const Result& got, const Result& want, double tolerance) {
  ASSERT_EQ(got.losses.size(), want.losses.size());
  for (std::size_t i = 0; i < want.losses.size(); ++i) {
    EXPECT_NEAR(got.losses[i], want.losses[i], tolerance) << "step " << i + 1;
  }
  for (std::size_t i = 0; i < want.weights.size(); ++i) {
    EXPECT_LT((got.weights[i] - want.weights[i]).abs().max().item<double>(), 20 * tolerance);
  }
}

constexpr double kOrderOfSums = 1e-5;  // fp32, other order of the same terms, over 40 steps

TEST(Train, LearnsAndReportsEveryStep) {
  const auto examples = test::tiny_examples(300);
  TrainOptions options = quick_options();
  options.epochs = 10;
  std::vector<StepReport> reports;
  TinyModel model;
  const auto group = make_single_communicator();
  const MemberOutcome outcome = train(*group, model, TinyHead(), examples, options,
                                      [&](const StepReport& report) { reports.push_back(report); });
  const Trained trained = std::get<Trained>(outcome);
  EXPECT_EQ(trained.steps, count_steps(examples, options));
  ASSERT_EQ(static_cast<std::int64_t>(reports.size()), trained.steps);
  std::int64_t examples_seen = 0;
  for (std::size_t i = 0; i < reports.size(); ++i) {
    EXPECT_EQ(reports[i].step, static_cast<std::int64_t>(i) + 1);
    EXPECT_EQ(reports[i].steps, trained.steps);
    EXPECT_LE(reports[i].tokens, 200);
    examples_seen += reports[i].examples;
  }
  EXPECT_EQ(examples_seen, 3000);
  EXPECT_DOUBLE_EQ(reports.back().epoch, 10.0);
  EXPECT_DOUBLE_EQ(trained.last_loss, reports.back().loss);
  EXPECT_NEAR(reports.front().loss, std::log(2.0), 0.2);
  EXPECT_LT(reports.back().loss, 0.5);
}

TEST(Train, RanksAndMicroBatchesDoNotChangeTheResult) {
  const auto examples = test::tiny_examples(200);
  const TrainOptions options = quick_options();
  const Result one = train_on(1, options, examples);
  EXPECT_GT(one.losses.size(), 15U);
  for (const int ranks : {2, 3, 5})
    expect_near(train_on(ranks, options, examples), one, kOrderOfSums);
  TrainOptions accumulate = options;
  accumulate.micro_batch_tokens = 30;
  expect_near(train_on(1, accumulate, examples), one, kOrderOfSums);
  expect_near(train_on(2, accumulate, examples), one, kOrderOfSums);
}

TEST(Train, TheSameRunTwiceGivesTheSameBits) {
  const auto examples = test::tiny_examples(100);
  const Result a = train_on(2, quick_options(), examples);
  const Result b = train_on(2, quick_options(), examples);
  EXPECT_EQ(a.losses, b.losses);
  for (std::size_t i = 0; i < a.weights.size(); ++i)
    EXPECT_TRUE(at::equal(a.weights[i], b.weights[i]));
}

TEST(Train, RanksWithoutAnExampleTakePart) {
  const auto examples = test::tiny_examples(4);
  TrainOptions options = quick_options();
  options.batch_examples = 1;
  expect_near(train_on(4, options, examples), train_on(1, options, examples), kOrderOfSums);
}

TEST(Train, UsesTheScheduleAndMaxSteps) {
  const auto examples = test::tiny_examples(200);
  TrainOptions options = quick_options();
  options.max_steps = 10;
  options.warmup = 0.2;
  std::vector<double> rates;
  TinyModel model;
  const auto group = make_single_communicator();
  train(*group, model, TinyHead(), examples, options,
        [&](const StepReport& report) { rates.push_back(report.learning_rate); });
  ASSERT_EQ(rates.size(), 10U);
  EXPECT_DOUBLE_EQ(rates[0], 0.0);
  EXPECT_DOUBLE_EQ(rates[1], 0.5e-2);
  EXPECT_DOUBLE_EQ(rates[2], 1e-2);
  EXPECT_DOUBLE_EQ(rates[9], 1e-2 / 8);
}

/// A loss a thousand times as large, gradients with it.
class SteepHead final : public Head {
 public:
  [[nodiscard]] int num_labels() const noexcept override { return 2; }
  [[nodiscard]] at::Tensor loss_sum(const at::Tensor& logits, const Batch& batch) const override {
    return TinyHead().loss_sum(logits, batch) * 1000;
  }
  [[nodiscard]] double loss_weight(const Batch& batch) const override { return batch.examples(); }
  void scores(std::span<const float> /*logits*/, std::span<double> /*out*/) const override {}
  [[nodiscard]] std::string problem_type() const override { return ""; }
};

TEST(Train, ClippingScalesTheGradientToTheGivenNorm) {
  // One step from the same weights: with an epsilon far above the gradients, Adam's step is in
  // proportion to the gradient, so that the steps of both heads must be equal once both are
  // clipped.
  const auto examples = test::tiny_examples(50);
  TrainOptions options = quick_options();
  options.batch_examples = 50;
  options.epochs = 1;
  options.warmup = 0;
  options.weight_decay = 0;
  options.epsilon = 1e3;
  options.learning_rate = 1e3;
  options.clip = 0.01;
  const Result plain = train_on(1, options, examples);
  const Result steep = train_on(1, options, examples, SteepHead());
  const TinyModel start;
  double moved = 0;
  for (std::size_t i = 0; i < plain.weights.size(); ++i) {
    EXPECT_TRUE(at::allclose(plain.weights[i], steep.weights[i], 1e-4, 1e-7));
    const at::Tensor change =
        plain.weights[i] - test::copy_of_weights(const_cast<TinyModel&>(start))[i];
    moved += change.square().sum().item<double>();
  }
  EXPECT_NEAR(std::sqrt(moved), 0.01, 1e-4);  // lr / epsilon x norm, for a norm of 0.01
}

/// NaN from the third step on.
class BreakingHead final : public Head {
 public:
  [[nodiscard]] int num_labels() const noexcept override { return 2; }
  [[nodiscard]] at::Tensor loss_sum(const at::Tensor& logits, const Batch& batch) const override {
    const float factor = ++calls_ > 2 ? std::numeric_limits<float>::quiet_NaN() : 1.0F;
    return TinyHead().loss_sum(logits, batch) * factor;
  }
  [[nodiscard]] double loss_weight(const Batch& batch) const override { return batch.examples(); }
  void scores(std::span<const float> /*logits*/, std::span<double> /*out*/) const override {}
  [[nodiscard]] std::string problem_type() const override { return ""; }

 private:
  mutable int calls_ = 0;
};

TEST(Train, ALossThatIsNotFiniteFailsTheMemberWithItsWeightsAsBefore) {
  const auto examples = test::tiny_examples(100);
  TinyModel model;
  std::vector<at::Tensor> before;
  const auto group = make_single_communicator();
  const MemberOutcome outcome =
      train(*group, model, BreakingHead(), examples, quick_options(),
            [&](const StepReport&) { before = test::copy_of_weights(model); });
  const Failed& failed = std::get<Failed>(outcome);
  EXPECT_EQ(failed.step, 2);
  EXPECT_THAT(failed.reason.what(), testing::HasSubstr("loss is not finite at step 3 of "));
  const auto after = test::copy_of_weights(model);
  for (std::size_t i = 0; i < after.size(); ++i) EXPECT_TRUE(at::equal(after[i], before[i]));
}

TEST(Train, AFailureOnOneRankIsTheSameFailedOnAll) {
  const auto examples = test::tiny_examples(60);
  std::mutex mutex;
  std::set<std::string> reasons;
  run_on_threads(3, [&](Communicator& group) {
    TinyModel model;
    model.fail_at_row = 1017;  // one example: on one rank
    const MemberOutcome outcome =
        train(group, model, TinyHead(), examples, quick_options(), nullptr);
    const std::lock_guard lock(mutex);
    reasons.insert(std::get<Failed>(outcome).reason.what());
    // In the first of two epochs, where the row is first met; not at the end.
    EXPECT_LT(std::get<Failed>(outcome).step, count_steps(examples, quick_options()) / 2);
  });
  ASSERT_EQ(reasons.size(), 1U);
  EXPECT_THAT(*reasons.begin(), testing::MatchesRegex("rank [0-2]: planted failure"));
}

TEST(Train, WhatOnStepThrowsOnRank0IsThrownOnAllRanks) {
  const auto examples = test::tiny_examples(60);
  TrainOptions options = quick_options();
  for (const std::int64_t at_step : {std::int64_t{2}, count_steps(examples, options)}) {
    std::atomic<int> thrown{0};
    run_on_threads(3, [&](Communicator& group) {
      TinyModel model;
      try {
        train(group, model, TinyHead(), examples, options, [&](const StepReport& report) {
          if (report.step == at_step) throw Error(Code::Io, "disk full");
        });
        ADD_FAILURE() << "went on";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), Code::Io);
        EXPECT_STREQ(error.what(), "rank 0: disk full");
        ++thrown;
      }
    });
    EXPECT_EQ(thrown, 3);
  }
}

TEST(Train, BadOptionsAndNoExamplesFailTheMember) {
  const auto examples = test::tiny_examples(10);
  const auto group = make_single_communicator();
  const auto reason = [&](auto change, std::span<const Tokens> of) -> std::string {
    TinyModel model;
    TrainOptions options = quick_options();
    change(options);
    const MemberOutcome outcome = train(*group, model, TinyHead(), of, options, nullptr);
    return std::get<Failed>(outcome).reason.what();
  };
  EXPECT_THAT(reason([](TrainOptions& o) { o.precision = "fp8"; }, examples),
              testing::HasSubstr("unknown precision 'fp8'"));
  EXPECT_THAT(reason([](TrainOptions& o) { o.optimizer = "sgd"; }, examples),
              testing::HasSubstr("unknown optimizer 'sgd'"));
  EXPECT_THAT(reason([](TrainOptions& o) { o.schedule = "step"; }, examples),
              testing::HasSubstr("unknown schedule 'step'"));
  EXPECT_THAT(reason([](TrainOptions&) {}, {}), testing::HasSubstr("no examples"));
}

/// Weights by pairs of a user, and checks that a batch holds all of a user's examples.
class PairHead final : public Head {
 public:
  explicit PairHead(std::map<std::int32_t, std::set<Row>>& seen) : seen_(seen) {}
  [[nodiscard]] int num_labels() const noexcept override { return 2; }
  [[nodiscard]] bool groups_by_user() const noexcept override { return true; }
  [[nodiscard]] at::Tensor loss_sum(const at::Tensor& logits, const Batch& batch) const override {
    std::set<std::int32_t> users(batch.users.begin(), batch.users.end());
    for (const std::int32_t user : users) EXPECT_EQ(seen_.count(user), 0U) << "a user was split";
    for (std::size_t i = 0; i < batch.rows.size(); ++i) seen_[batch.users[i]].insert(batch.rows[i]);
    return TinyHead().loss_sum(logits, batch);
  }
  [[nodiscard]] double loss_weight(const Batch& batch) const override { return batch.examples(); }
  void scores(std::span<const float> /*logits*/, std::span<double> /*out*/) const override {}
  [[nodiscard]] std::string problem_type() const override { return ""; }

 private:
  std::map<std::int32_t, std::set<Row>>& seen_;
};

TEST(Train, AHeadThatComparesWithinAUserSeesAUserWhole) {
  const auto examples = test::tiny_examples(80);
  TrainOptions options = quick_options();
  options.epochs = 1;
  options.micro_batch_tokens = 20;
  std::map<std::int32_t, std::set<Row>> seen;
  const PairHead head(seen);
  const auto group = make_single_communicator();
  TinyModel model;
  std::size_t rows = 0;
  const MemberOutcome outcome =
      train(*group, model, head, examples, options, [&](const StepReport&) {
        for (const auto& [user, of_user] : seen) rows += of_user.size();
        seen.clear();  // the next global batch may hold the user again
      });
  EXPECT_EQ(std::get<Trained>(outcome).steps, count_steps(examples, options, true));
  EXPECT_EQ(rows, 80U);
}

TEST(CountSteps, FollowsEpochsAndMaxSteps) {
  const auto examples = test::tiny_examples(100);
  TrainOptions options;
  options.batch_examples = 10;
  options.epochs = 2.5;
  EXPECT_EQ(count_steps(examples, options), 25);
  options.max_steps = 7;
  EXPECT_EQ(count_steps(examples, options), 7);
  options.max_steps = 1000;
  EXPECT_EQ(count_steps(examples, options), 25);
  EXPECT_EQ(count_steps({}, options), 0);
}

TEST(Predict, GivesTheSameBitsAtAnyNumberOfRanksInTheOrderOfTheExamples) {
  const auto examples = test::tiny_examples(57);
  std::vector<float> one_by_one;
  const auto single = make_single_communicator();
  for (const Tokens& example : examples) {
    TinyModel model;
    const auto logits = predict(*single, model, std::span(&example, 1), 64, false);
    one_by_one.insert(one_by_one.end(), logits.begin(), logits.end());
  }
  for (const int ranks : {1, 2, 3, 8}) {
    std::mutex mutex;
    std::set<std::vector<float>> results;
    run_on_threads(ranks, [&](Communicator& group) {
      TinyModel model;
      auto logits = predict(group, model, examples, 64, false);
      const std::lock_guard lock(mutex);
      results.insert(std::move(logits));
    });
    ASSERT_EQ(results.size(), 1U);
    ASSERT_EQ(results.begin()->size(), 2U * 57U);
    for (std::size_t i = 0; i < one_by_one.size(); ++i) {
      EXPECT_NEAR((*results.begin())[i], one_by_one[i], 1e-6);
    }
    TinyModel model;
    EXPECT_EQ(*results.begin(), predict(*single, model, examples, 64, false));
  }
}

TEST(Predict, MoreRanksThanBatchesAndNoExamples) {
  const auto examples = test::tiny_examples(1);
  run_on_threads(3, [&](Communicator& group) {
    TinyModel model;
    EXPECT_EQ(predict(group, model, examples, 64, false).size(), 2U);
    EXPECT_TRUE(predict(group, model, {}, 64, false).empty());
  });
}

TEST(Predict, AFailureOnOneRankIsThrownOnAll) {
  const auto examples = test::tiny_examples(30);
  std::atomic<int> thrown{0};
  run_on_threads(3, [&](Communicator& group) {
    TinyModel model;
    model.fail_at_row = 1003;
    try {
      predict(group, model, examples, 32, false);
    } catch (const Error&) {
      ++thrown;
    }
  });
  EXPECT_EQ(thrown, 3);
}

}  // namespace
}  // namespace tutti
