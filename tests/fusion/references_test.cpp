#include "tutti/ensemble/fusion/references.hpp"

#include "tutti/data/error.hpp"
#include "tutti/data/random.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace tutti {
namespace {

TEST(Reference, popularity_is_the_damped_mean_of_the_item) {
  const std::vector<std::int32_t> user = {0, 1, 2, 0};
  const std::vector<std::int32_t> item = {5, 5, 5, 2};
  const std::vector<double> label = {1, 1, 0, 0};
  const Reference reference("popularity", false, {user, item, label});
  const std::vector<std::int32_t> who = {9, 9, 9};
  const std::vector<std::int32_t> what = {5, 2, 77};
  const std::vector<double> score = reference.score(who, what);
  EXPECT_DOUBLE_EQ(score[0], (2 + 10 * 0.5) / 13);
  EXPECT_DOUBLE_EQ(score[1], (0 + 10 * 0.5) / 11);
  EXPECT_DOUBLE_EQ(score[2], 0.5);  // never seen: the mean
}

TEST(Reference, bias_recovers_planted_user_and_item_effects) {
  Random random(1, "bias");
  std::vector<double> user_effect;
  std::vector<double> item_effect;
  for (int i = 0; i < 40; ++i) user_effect.push_back(0.5 * random.normal());
  for (int i = 0; i < 40; ++i) item_effect.push_back(0.5 * random.normal());
  std::vector<std::int32_t> user;
  std::vector<std::int32_t> item;
  std::vector<double> label;
  for (std::int32_t u = 0; u < 40; ++u) {
    for (std::int32_t i = 0; i < 40; ++i) {
      if (random.uniform() < 0.3) continue;
      user.push_back(u);
      item.push_back(i);
      label.push_back(3.5 + user_effect[static_cast<std::size_t>(u)] +
                      item_effect[static_cast<std::size_t>(i)]);
    }
  }
  const auto rmse = [&](const char* name) {
    const std::vector<double> score = Reference(name, true, {user, item, label}).score(user, item);
    double sum = 0;
    for (std::size_t i = 0; i < label.size(); ++i) sum += std::pow(score[i] - label[i], 2);
    return std::sqrt(sum / static_cast<double>(label.size()));
  };
  EXPECT_LT(rmse("bias"), 0.2);  // damping 10 of 28 rows keeps about a quarter of the effects back
  EXPECT_GT(rmse("popularity"), 0.4);
}

TEST(Reference, awkward_input) {
  const std::vector<std::int32_t> id = {0, 1};
  const std::vector<double> ones = {1, 1};
  for (const std::string& name : reference_names()) {
    EXPECT_EQ(Reference(name, false, {}).score(id, id), (std::vector<double>{0.5, 0.5})) << name;
    for (const double p : Reference(name, false, {id, id, ones}).score(id, id)) {
      EXPECT_GT(p, 0.5);
      EXPECT_LT(p, 1.0);
    }
    const std::vector<double> bad = {1, std::nan("")};
    EXPECT_THROW(Reference(name, false, {id, id, bad}), Error);
  }
  EXPECT_THROW(Reference("popular", false, {}), Error);
}

}  // namespace
}  // namespace tutti
