#include "tutti/train/trainer.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "../train/model_support.hpp"
#include "tiny_model.hpp"
#include "world.hpp"

namespace tutti {
namespace {

using test::mpi_world;

struct Result {
  std::vector<double> losses;  ///< on rank 0
  std::vector<float> logits;
};

Result train_on(Communicator& group, const std::string& type) {
  TrainOptions options;
  options.epochs = 100;
  options.max_steps = 20;
  options.batch_tokens = 80;
  options.micro_batch_tokens = 30;
  options.learning_rate = 1e-3;
  Result result;
  const auto model = test::tiny_model(type, 0.1);
  const auto examples = test::labelled_examples();
  const MemberOutcome outcome =
      train(group, *model, test::TinyHead(), examples, options,
            [&](const StepReport& report) { result.losses.push_back(report.loss); });
  EXPECT_TRUE(std::holds_alternative<Trained>(outcome));
  result.logits = predict(group, *model, examples, 60, false);
  return result;
}

TEST(TrainOverMpi, TwentyStepsGiveTheLossesOfOneRank) {
  for (const std::string& type : ModelRegistry::names()) {
    const auto group = mpi_world().world();
    const Result together = train_on(*group, type);
    if (group->rank() != 0) continue;
    const Result alone = train_on(*make_single_communicator(), type);
    ASSERT_EQ(alone.losses.size(), 20U);
    ASSERT_EQ(together.losses.size(), 20U);
    for (std::size_t i = 0; i < 20; ++i) {
      // fp32, the terms of each sum in another order.
      EXPECT_NEAR(together.losses[i], alone.losses[i], 1e-5) << type << " step " << i + 1;
    }
    ASSERT_EQ(together.logits.size(), alone.logits.size());
    for (std::size_t i = 0; i < alone.logits.size(); ++i) {
      EXPECT_NEAR(together.logits[i], alone.logits[i], 2e-4) << type << " logit " << i;
    }
  }
}

TEST(TrainOverMpi, PredictGivesTheBitsOfOneRank) {
  const auto group = mpi_world().world();
  const auto examples = test::labelled_examples();
  for (const std::string& type : ModelRegistry::names()) {
    const auto model = test::tiny_model(type);
    const auto alone = make_single_communicator();
    EXPECT_EQ(predict(*group, *model, examples, 60, false),
              predict(*alone, *model, examples, 60, false))
        << type;
  }
}

TEST(TrainOverMpi, AFailureOnOneRankIsTheSameFailedOnAll) {
  const auto group = mpi_world().world();
  auto examples = test::tiny_examples(60);
  test::TinyModel model;
  model.fail_at_row = 1023;
  TrainOptions options;
  options.batch_tokens = 100;
  const MemberOutcome outcome = train(*group, model, test::TinyHead(), examples, options, nullptr);
  ASSERT_TRUE(std::holds_alternative<Failed>(outcome));
  const std::string mine = std::get<Failed>(outcome).reason.what();
  EXPECT_NE(mine.find("planted failure"), std::string::npos) << mine;
  for (const std::string& other : all_gather_strings(*group, mine)) EXPECT_EQ(other, mine);
}

}  // namespace
}  // namespace tutti
