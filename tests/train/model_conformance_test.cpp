#include "tutti/data/error.hpp"

#include <ATen/core/grad_mode.h>

#include <cmath>
#include <functional>

#include "model_support.hpp"

// What every registered backbone owes, whichever it is.

namespace tutti::test {
namespace {

// fp32 sums of a few dozen terms, in another order for another shape of the same product.
constexpr double kSameSums = 2e-6;
// Of a finite difference, in fp32: smaller steps drown in rounding.
constexpr double kStep = 1e-2;

class ModelConformance : public ::testing::TestWithParam<std::string> {};

TEST_P(ModelConformance, BatchOfManyEqualsEachAlone) {
  const at::NoGradGuard no_grad;
  const auto model = tiny_model(GetParam());
  const at::Tensor together = model->logits(batch_of(examples()), {});
  ASSERT_EQ(together.sizes().vec(), (std::vector<std::int64_t>{6, 3}));
  ASSERT_EQ(together.scalar_type(), at::kFloat);
  std::int64_t i = 0;
  for (const Tokens& tokens : examples()) {
    const at::Tensor alone = model->logits(batch_of({tokens}), {});
    EXPECT_LT(distance(together[i], alone[0]), kSameSums) << "example " << i;
    ++i;
  }
  EXPECT_GT(distance(together[0], together[1]), 1e-4) << "the logits do not see the tokens";
}

TEST_P(ModelConformance, LanguageLogitsAreThoseOfTheExampleAlone) {
  const at::NoGradGuard no_grad;
  const auto model = tiny_model(GetParam());
  const std::vector<std::int64_t> positions = {1, 4, 6, 12};
  const at::Tensor together = model->language_logits(batch_of(examples()), positions, {});
  ASSERT_EQ(together.sizes().vec(), (std::vector<std::int64_t>{4, 31}));
  const std::vector<std::int64_t> third = {1};  // token 1 of example 1 is position 6
  const at::Tensor alone = model->language_logits(batch_of({examples()[1]}), third, {});
  EXPECT_LT(distance(together[2], alone[0]), kSameSums);
}

TEST_P(ModelConformance, CausalMeansLaterTokensDoNotMatter) {
  const at::NoGradGuard no_grad;
  const auto model = tiny_model(GetParam());
  Tokens other = example(3, 5);
  other.encoding.ids.back() = 30;
  const std::vector<std::int64_t> second = {1};
  const at::Tensor a = model->language_logits(batch_of({example(3, 5)}), second, {});
  const at::Tensor b = model->language_logits(batch_of({other}), second, {});
  EXPECT_EQ(distance(a, b) < kSameSums, model->causal());
}

// Central differences of the loss in a few entries of every parameter that reaches it.
void check_gradients(const std::vector<std::pair<std::string, at::Tensor>>& parameters,
                     const std::function<at::Tensor()>& loss) {
  loss().backward();
  for (const auto& [name, parameter] : parameters) {
    if (!parameter.grad().defined()) continue;
    const at::NoGradGuard no_grad;
    at::Tensor values = parameter.view({-1});
    const at::Tensor gradient = parameter.grad().view({-1});
    for (const std::int64_t i : {std::int64_t{0}, values.numel() / 2, values.numel() - 1}) {
      const double was = values[i].item<double>();
      values[i].fill_(was + kStep);
      const double up = loss().item<double>();
      values[i].fill_(was - kStep);
      const double down = loss().item<double>();
      values[i].fill_(was);
      const double numeric = (up - down) / (2 * kStep);
      const double exact = gradient[i].item<double>();
      EXPECT_NEAR(numeric, exact, 2e-3 + 2e-2 * std::abs(exact)) << name << "[" << i << "]";
    }
  }
}

TEST_P(ModelConformance, GradientsEqualFiniteDifferences) {
  for (const double dropout : {0.0, 0.3}) {
    const auto model = tiny_model(GetParam(), dropout);
    {
      // Larger weights than the usual ones: every gradient well above rounding.
      const at::NoGradGuard no_grad;
      for (auto [name, value] : model->named_parameters()) {
        if (value.dim() == 2) value.mul_(15.0);
      }
    }
    const Batch batch = batch_of(examples());
    const at::Tensor weights = at::arange(18, at::kFloat).view({6, 3}).sin();
    Pass pass;
    pass.training = dropout > 0;
    pass.dropout_key = 5;
    check_gradients(model->named_parameters(),
                    [&] { return (model->logits(batch, pass) * weights).sum(); });
    for (const auto& [name, value] : model->named_parameters()) {
      EXPECT_TRUE(value.grad().defined()) << name;
    }
  }
}

TEST_P(ModelConformance, DropoutDependsOnTheRowAndNotOnTheBatch) {
  const at::NoGradGuard no_grad;
  const auto model = tiny_model(GetParam(), 0.4);
  Pass pass;
  pass.training = true;
  pass.dropout_key = 77;
  const at::Tensor together = model->logits(batch_of(examples()), pass);
  const at::Tensor alone = model->logits(batch_of({examples()[3]}), pass);
  EXPECT_LT(distance(together[3], alone[0]), kSameSums);
  Tokens other_row = examples()[3];
  other_row.row = 1000;
  EXPECT_GT(distance(model->logits(batch_of({other_row}), pass), alone), 1e-4);
  pass.dropout_key = 78;
  EXPECT_GT(distance(model->logits(batch_of({examples()[3]}), pass), alone), 1e-4);
  pass.training = false;
  EXPECT_LT(distance(model->logits(batch_of({other_row}), pass),
                     model->logits(batch_of({examples()[3]}), pass)),
            kSameSums);
}

TEST_P(ModelConformance, Bfloat16StaysNear) {
  const auto model = tiny_model(GetParam());
  Pass pass;
  pass.bf16 = true;
  const at::Tensor half = model->logits(batch_of(examples()), pass);
  const at::Tensor full = model->logits(batch_of(examples()), {});
  EXPECT_EQ(half.scalar_type(), at::kFloat);
  // bfloat16 keeps 8 bits; the largest logit bounds what a few layers of rounding can do.
  EXPECT_LT(distance(half, full), 0.05 * full.abs().max().item<double>() + 1e-3);
  EXPECT_GT(distance(half, full), 0.0);
  half.sum().backward();
  for (const auto& [name, value] : model->named_parameters()) {
    ASSERT_TRUE(value.grad().defined()) << name;
    EXPECT_EQ(value.grad().scalar_type(), at::kFloat) << name;
  }
}

TEST_P(ModelConformance, ParametersAreFp32AndDrawnFromTheSeed) {
  const auto a = tiny_model(GetParam())->named_parameters();
  const auto b = tiny_model(GetParam())->named_parameters();
  const auto c =
      ModelRegistry::make(GetParam(), tiny_config(GetParam(), 0), 12)->named_parameters();
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].first, b[i].first);
    EXPECT_EQ(a[i].second.scalar_type(), at::kFloat);
    EXPECT_TRUE(a[i].second.requires_grad()) << a[i].first;
    EXPECT_TRUE(a[i].second.equal(b[i].second)) << a[i].first;
    if (a[i].second.dim() == 2) {
      EXPECT_FALSE(a[i].second.equal(c[i].second)) << a[i].first;
      EXPECT_NEAR(a[i].second.std().item<double>(), 0.02, 0.006) << a[i].first;
    }
  }
}

TEST_P(ModelConformance, ConfigMakesTheSameModelAgain) {
  const auto model = tiny_model(GetParam());
  const auto again = ModelRegistry::make(GetParam(), model->config_json(), 11);
  EXPECT_EQ(again->config_json(), model->config_json());
  EXPECT_EQ(again->named_parameters().size(), model->named_parameters().size());
  EXPECT_EQ(model_size(*model).trainable_layers, 2);
}

TEST_P(ModelConformance, EmptyBatchGivesNoRows) {
  const auto model = tiny_model(GetParam());
  EXPECT_EQ(model->logits(Batch{}, {}).sizes().vec(), (std::vector<std::int64_t>{0, 3}));
}

TEST_P(ModelConformance, RefusesWhatDoesNotFit) {
  const auto model = tiny_model(GetParam());
  Tokens wrong = example(5, 3);
  wrong.encoding.ids[1] = 31;
  EXPECT_THROW(static_cast<void>(model->logits(batch_of({wrong}), {})), Error);
  EXPECT_THROW(static_cast<void>(model->logits(batch_of({example(5, 17)}), {})), Error);
  EXPECT_THROW(static_cast<void>(model->logits(batch_of({example(5, 0)}), {})), Error);
  EXPECT_THROW(ModelRegistry::make(GetParam(), "{}", 1), Error);
  EXPECT_THROW(ModelRegistry::make(GetParam(), R"({"hidden_size": 8, "hidden_size": 9})", 1),
               Error);
}

INSTANTIATE_TEST_SUITE_P(Every, ModelConformance, ::testing::ValuesIn(ModelRegistry::names()),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace tutti::test
