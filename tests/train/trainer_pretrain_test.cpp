#include "tutti/data/error.hpp"
#include "tutti/train/trainer.hpp"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <mutex>
#include <vector>

#include "model_support.hpp"
#include "tiny_model.hpp"

namespace tutti {
namespace {

using test::kTinyVocab;
using test::TinyModel;

/// Ids 0 to 2 are special; 3 is the mask.
class TinyTokenizer final : public Tokenizer {
 public:
  explicit TinyTokenizer(TokenId mask = 3, std::int32_t vocab = kTinyVocab) : vocab_(vocab) {
    special_ = {0, -1, 1, 2, mask};
  }
  void encode(std::string_view /*utf8*/, std::vector<TokenId>& /*out*/) const override {}
  [[nodiscard]] Encoding encode_pair(std::string_view /*text*/, std::string_view /*pair*/,
                                     std::int32_t /*max_length*/) const override {
    return {};
  }
  [[nodiscard]] std::int32_t vocab_size() const noexcept override { return vocab_; }
  [[nodiscard]] const SpecialTokens& special() const noexcept override { return special_; }
  [[nodiscard]] std::string token(TokenId /*id*/) const override { return {}; }
  [[nodiscard]] std::string digest() const override { return {}; }
  void save(const Path& /*folder*/) const override {}

 private:
  std::int32_t vocab_;
  SpecialTokens special_;
};

/// [CLS] text [SEP], ids 4 and up inside.
std::vector<Tokens> texts(int count) {
  Random random(8, "texts");
  std::vector<Tokens> out(static_cast<std::size_t>(count));
  for (Tokens& text : out) {
    text.encoding.ids.push_back(1);
    for (std::uint64_t t = 0; t < 20; ++t) {
      text.encoding.ids.push_back(static_cast<TokenId>(4 + random.below(kTinyVocab - 4)));
    }
    text.encoding.ids.push_back(2);
    text.encoding.types.assign(text.encoding.ids.size(), 0);
  }
  return out;
}

TrainOptions pretrain_options(const std::string& objective) {
  TrainOptions options;
  options.objective = objective;
  options.epochs = 1;
  options.batch_tokens = 440;
  options.learning_rate = 1e-2;
  return options;
}

/// Row -> ids as the model saw them, from all ranks.
using Seen = std::map<Row, std::vector<TokenId>>;

Seen see(int ranks, const TrainOptions& options, const std::vector<Tokens>& of,
         std::vector<double>& losses) {
  Seen seen;
  std::mutex mutex;
  run_on_threads(ranks, [&](Communicator& group) {
    TinyModel model;
    const MemberOutcome outcome =
        pretrain(group, model, TinyTokenizer(), of, options,
                 [&](const StepReport& report) { losses.push_back(report.loss); });
    EXPECT_TRUE(std::holds_alternative<Trained>(outcome));
    const std::lock_guard lock(mutex);
    for (const Batch& batch : model.seen) {
      for (std::size_t i = 0; i < batch.rows.size(); ++i) {
        seen[batch.rows[i]] = {batch.ids.begin() + batch.offsets[i],
                               batch.ids.begin() + batch.offsets[i + 1]};
      }
    }
  });
  return seen;
}

TEST(Pretrain, MasksAboutTheAskedShareAsBertDoes) {
  const auto of = texts(500);
  TrainOptions options = pretrain_options("mlm");
  options.mask = 0.3;
  std::vector<double> losses;
  const Seen seen = see(1, options, of, losses);
  double masked = 0;
  double replaced = 0;
  double tokens = 0;
  for (const auto& [row, ids] : seen) {
    const auto& original = of.at(static_cast<std::size_t>(row)).encoding.ids;
    EXPECT_EQ(ids.front(), 1);  // special tokens stay
    EXPECT_EQ(ids.back(), 2);
    for (std::size_t t = 0; t < ids.size(); ++t) {
      masked += ids[t] == 3;
      replaced += ids[t] != 3 && ids[t] != original[t];
    }
    tokens += 20;
  }
  // 10 000 tokens: four standard deviations of a share are under 0.02.
  EXPECT_NEAR(masked / tokens, 0.3 * 0.8, 0.02);
  EXPECT_NEAR(replaced / tokens, 0.3 * 0.1, 0.01);
}

TEST(Pretrain, MasksAndLossesDoNotDependOnRanksAndMicroBatches) {
  const auto of = texts(100);
  TrainOptions options = pretrain_options("mlm");
  std::vector<double> one;
  const Seen want = see(1, options, of, one);
  options.micro_batch_tokens = 50;
  std::vector<double> three;
  EXPECT_EQ(see(3, options, of, three), want);
  ASSERT_EQ(one.size(), 5U);
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_NEAR(one[i], three[i], 1e-5);
  EXPECT_NEAR(one.front(), std::log(static_cast<double>(kTinyVocab)), 0.5);
}

TEST(Pretrain, AnotherEpochMasksOtherTokens) {
  const auto of = texts(20);
  TrainOptions options = pretrain_options("mlm");
  std::vector<double> losses;
  const Seen first = see(1, options, of, losses);
  options.epochs = 2;
  EXPECT_NE(see(1, options, of, losses), first);  // holds what the second epoch saw last
}

TEST(Pretrain, ACausalModelLearnsTheNextToken) {
  // Each text counts upwards: after enough steps the next token is certain.
  std::vector<Tokens> of(40);
  for (std::size_t i = 0; i < of.size(); ++i) {
    for (std::size_t t = 0; t < 12; ++t) {
      of[i].encoding.ids.push_back(static_cast<TokenId>((i + t) % kTinyVocab));
    }
    of[i].encoding.types.assign(12, 0);
  }
  TrainOptions options = pretrain_options("clm");
  options.epochs = 150;
  options.learning_rate = 5e-2;
  TinyModel model;
  model.is_causal = true;
  const std::vector<at::Tensor> before = test::copy_of_weights(model);
  const auto group = make_single_communicator();
  const MemberOutcome outcome = pretrain(*group, model, TinyTokenizer(), of, options, nullptr);
  EXPECT_LT(std::get<Trained>(outcome).last_loss, 1.5);  // an even guess: 3.9
  // The classification layer takes no part, and is not decayed.
  const std::vector<at::Tensor> after = test::copy_of_weights(model);
  EXPECT_FALSE(at::equal(before[0], after[0]));
  EXPECT_TRUE(at::equal(before[1], after[1]));
}

TEST(Pretrain, RefusesAnObjectiveThatDoesNotFit) {
  const auto of = texts(5);
  const auto group = make_single_communicator();
  const auto reason = [&](const std::string& objective, bool causal, TokenId mask) -> std::string {
    TinyModel model;
    model.is_causal = causal;
    const MemberOutcome outcome =
        pretrain(*group, model, TinyTokenizer(mask), of, pretrain_options(objective), nullptr);
    return std::get<Failed>(outcome).reason.what();
  };
  EXPECT_THAT(reason("clm", false, 3), testing::HasSubstr("which is an encoder"));
  EXPECT_THAT(reason("mlm", true, 3), testing::HasSubstr("which is a decoder"));
  EXPECT_THAT(reason("mlm", false, -1), testing::HasSubstr("needs a mask token"));
  EXPECT_THAT(reason("task", false, 3), testing::HasSubstr("unknown objective"));
}

class RegisteredModels : public ::testing::TestWithParam<std::string> {};

TEST_P(RegisteredModels, PretrainAndTrainWithoutDependingOnRanks) {
  const auto model_of = [] { return test::tiny_model(GetParam(), 0.1); };
  std::vector<Tokens> of;
  for (int i = 0; i < 40; ++i) of.push_back(test::example(i, 3 + i % 9));
  for (Tokens& one : of) one.label = one.encoding.ids[0] % 2;
  TrainOptions options;
  options.epochs = 4;
  options.batch_tokens = 60;
  options.learning_rate = 1e-3;
  const auto losses_on = [&](int ranks) {
    std::vector<double> losses;
    const auto note = [&](const StepReport& report) { losses.push_back(report.loss); };
    run_on_threads(ranks, [&](Communicator& group) {
      const auto model = model_of();
      TrainOptions first = options;
      first.objective = model->causal() ? "clm" : "mlm";
      const MemberOutcome pretrained =
          pretrain(group, *model, TinyTokenizer(3, 31), of, first, note);
      EXPECT_TRUE(std::holds_alternative<Trained>(pretrained));
      const MemberOutcome trained = train(group, *model, test::TinyHead(), of, options, note);
      EXPECT_TRUE(std::holds_alternative<Trained>(trained));
    });
    return losses;
  };
  const std::vector<double> one = losses_on(1);
  const std::vector<double> three = losses_on(3);
  ASSERT_EQ(one.size(), three.size());
  EXPECT_GE(one.size(), 20U);
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_NEAR(one[i], three[i], 1e-5) << "step " << i;
}

INSTANTIATE_TEST_SUITE_P(All, RegisteredModels, ::testing::ValuesIn(ModelRegistry::names()));

}  // namespace
}  // namespace tutti
