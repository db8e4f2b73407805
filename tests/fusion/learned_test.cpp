#include "tutti/ensemble/fusion/simplex.hpp"
#include "tutti/ensemble/metric.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "table.hpp"

namespace tutti {
namespace {

using testing::clicks;
using testing::Table;

double log_loss_of(const Table& t, const std::vector<double>& w) {
  std::vector<double> fused(t.user.size(), 0.0);
  for (int m = 0; m < t.members; ++m) {
    for (std::size_t i = 0; i < fused.size(); ++i) {
      fused[i] += w[static_cast<std::size_t>(m)] * t.member(m)[i];
    }
  }
  return make_metric("log-loss", {})->evaluate(fused, t.label, t.user);
}

TEST(Learned, no_point_of_a_fine_grid_has_a_smaller_loss) {
  const Table t = clicks(40, 25, {0.3, 0.9, 2.5}, 7);
  const auto rule = FusionRegistry::make("learned", testing::facts(3));
  rule->fit(t.scores(), t.labels());
  const double loss = log_loss_of(t, rule->weights());
  for (int a = 0; a <= 40; ++a) {
    for (int b = 0; a + b <= 40; ++b) {
      const double other = log_loss_of(t, {a / 40.0, b / 40.0, (40 - a - b) / 40.0});
      EXPECT_GE(other, loss - 1e-9) << a << " " << b;
    }
  }
}

TEST(Learned, a_useless_member_gets_nothing) {
  Table t = clicks(40, 25, {0.3, 0.3}, 8);
  for (const double y : t.label) t.values.push_back(0.9 - 0.8 * y);  // always wrong
  t.members = 3;
  const auto rule = FusionRegistry::make("learned", testing::facts(3));
  rule->fit(t.scores(), t.labels());
  EXPECT_EQ(rule->weights()[2], 0.0);
  EXPECT_GT(rule->weights()[0], 0.3);
}

TEST(Learned, clones_share_their_weight) {
  Table t = clicks(40, 25, {0.5, 0.6}, 9);
  const std::vector<double> first(t.values.begin(), t.values.begin() + 1000);
  t.values.insert(t.values.end(), first.begin(), first.end());
  t.members = 3;
  const auto rule = FusionRegistry::make("learned", testing::facts(3));
  rule->fit(t.scores(), t.labels());
  EXPECT_NEAR(rule->weights()[0], rule->weights()[2], 1e-6);
}

TEST(Learned, ratings_get_the_weights_they_were_mixed_from) {
  Table t;
  t.members = 3;
  Random random(3, "ratings");
  for (int m = 0; m < 3; ++m) {
    for (int i = 0; i < 200; ++i) t.values.push_back(1 + 4 * random.uniform());
  }
  for (int i = 0; i < 200; ++i) t.user.push_back(i / 10);
  for (std::size_t row = 0; row < 200; ++row) {
    t.label.push_back(0.7 * t.member(0)[row] + 0.3 * t.member(2)[row]);
  }
  FusionOptions options = testing::facts(3);
  options.task = "rating";
  const auto rule = FusionRegistry::make("learned", options);
  rule->fit(t.scores(), t.labels());
  EXPECT_NEAR(rule->weights()[0], 0.7, 1e-6);
  EXPECT_NEAR(rule->weights()[1], 0.0, 1e-6);
  EXPECT_NEAR(rule->weights()[2], 0.3, 1e-6);
}

TEST(Simplex, the_gap_closes_on_random_quadratics) {
  // x'Ax/2 - b'x with A = R'R of low rank plus little: minima on faces of every size.
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed, "quadratic");
    constexpr std::size_t kSize = 7;
    std::vector<double> r(3 * kSize);
    for (double& x : r) x = random.normal();
    std::vector<double> a(kSize * kSize, 0.0);
    std::vector<double> b(kSize);
    for (double& x : b) x = random.normal();
    for (std::size_t i = 0; i < kSize; ++i) {
      for (std::size_t j = 0; j < kSize; ++j) {
        for (std::size_t k = 0; k < 3; ++k) a[i * kSize + j] += r[k * kSize + i] * r[k * kSize + j];
      }
      a[i * kSize + i] += 0.01;
    }
    const SimplexResult found = minimise_on_simplex(7, [&](std::span<const double> w) {
      Quadratic q{0, b, a};
      for (std::size_t i = 0; i < kSize; ++i) {
        for (std::size_t j = 0; j < kSize; ++j) q.gradient[i] += a[i * kSize + j] * w[j];
        q.value += 0.5 * w[i] * (q.gradient[i] + b[i]);
      }
      return q;
    });
    EXPECT_LE(found.gap, 1e-9) << seed;
    double sum = 0;
    for (const double w : found.weights) {
      EXPECT_GE(w, 0);
      sum += w;
    }
    EXPECT_NEAR(sum, 1, 1e-12);
  }
}

TEST(Greedy, is_no_worse_than_its_best_member_and_no_better_than_the_simplex) {
  const Table t = clicks(40, 25, {0.5, 0.5, 1.5}, 10);
  const auto greedy = FusionRegistry::make("greedy", testing::facts(3));
  const auto learned = FusionRegistry::make("learned", testing::facts(3));
  greedy->fit(t.scores(), t.labels());
  learned->fit(t.scores(), t.labels());
  const double loss = log_loss_of(t, greedy->weights());
  EXPECT_GE(loss, log_loss_of(t, learned->weights()) - 1e-12);
  EXPECT_LE(loss, log_loss_of(t, learned->weights()) + 1e-3);
  EXPECT_LT(loss, log_loss_of(t, {1, 0, 0}));
  EXPECT_LT(loss, log_loss_of(t, {0, 1, 0}));
}

}  // namespace
}  // namespace tutti
