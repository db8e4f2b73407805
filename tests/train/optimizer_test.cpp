#include "tutti/train/optimizer.hpp"

#include "tutti/data/error.hpp"
#include "tutti/data/random.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace tutti {
namespace {

struct Want {
  double value, mean = 0, square = 0;
};

// Kingma, Ba 2015, algorithm 1, in double; decay as torch.optim.AdamW (decoupled) or Adam (L2).
void reference_step(Want& w, double gradient, int step, double lr, const OptimizerOptions& o,
                    bool matrix) {
  const double decay = matrix ? o.weight_decay : 0.0;
  if (o.name == "adamw") w.value *= 1 - lr * decay;
  if (o.name == "adam") gradient += decay * w.value;
  w.mean = o.beta1 * w.mean + (1 - o.beta1) * gradient;
  w.square = o.beta2 * w.square + (1 - o.beta2) * gradient * gradient;
  const double mean = w.mean / (1 - std::pow(o.beta1, step));
  const double square = w.square / (1 - std::pow(o.beta2, step));
  w.value -= lr * mean / (std::sqrt(square) + o.epsilon);
}

class Adams : public ::testing::TestWithParam<const char*> {};

TEST_P(Adams, EqualsTheFormulaOver20StepsWithDecayOnMatricesAlone) {
  OptimizerOptions options{.name = GetParam(), .weight_decay = 0.1};
  Random random(1, "optimizer");
  NamedTensors parameters{{"matrix", at::empty({3, 5})}, {"bias", at::empty({4})}};
  std::vector<at::Tensor> gradients{at::empty({3, 5}), at::empty({4})};
  std::vector<std::vector<Want>> want(2);
  for (std::size_t p = 0; p < 2; ++p) {
    for (std::int64_t i = 0; i < parameters[p].second.numel(); ++i) {
      const auto value = static_cast<float>(random.normal());
      parameters[p].second.data_ptr<float>()[i] = value;
      want[p].push_back({value});
    }
  }
  Optimizer optimizer(parameters, gradients, options);
  for (int step = 1; step <= 20; ++step) {
    const double lr = 0.01 * step;
    const double divisor = 1.0 + step;
    for (std::size_t p = 0; p < 2; ++p) {
      for (std::size_t i = 0; i < want[p].size(); ++i) {
        const auto gradient = static_cast<float>(random.normal());
        gradients[p].data_ptr<float>()[i] = gradient;
        reference_step(want[p][i], gradient / divisor, step, lr, options, p == 0);
      }
    }
    optimizer.step(lr, divisor);
  }
  // 20 steps of about 0.1 each, in fp32.
  constexpr double kTolerance = 5e-6;
  for (std::size_t p = 0; p < 2; ++p) {
    for (std::size_t i = 0; i < want[p].size(); ++i) {
      EXPECT_NEAR(parameters[p].second.data_ptr<float>()[i], want[p][i].value, kTolerance)
          << parameters[p].first << " " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Names, Adams, ::testing::Values("adamw", "adam"));

TEST(Optimizer, LeavesAParameterAloneThatNoGradientEverReaches) {
  NamedTensors parameters{{"used", at::ones({2, 2})}, {"unused", at::ones({2, 2})}};
  const std::vector<at::Tensor> gradients{at::ones({2, 2}), at::zeros({2, 2})};
  Optimizer optimizer(parameters, gradients, {.weight_decay = 0.5});
  optimizer.step(0.1, 1.0);
  EXPECT_FALSE(at::equal(parameters[0].second, at::ones({2, 2})));
  EXPECT_TRUE(at::equal(parameters[1].second, at::ones({2, 2})));
}

TEST(Optimizer, RefusesAnUnknownName) { EXPECT_THROW(Optimizer({}, {}, {.name = "sgd"}), Error); }

}  // namespace
}  // namespace tutti
