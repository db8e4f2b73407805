#include "tutti/ensemble/metrics/statistics.hpp"

#include "tutti/ensemble/metric.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "table.hpp"

namespace tutti {
namespace {

using testing::clicks;
using testing::Table;

// One row a user, so that mae is the mean of x.
struct Sample {
  std::vector<double> x;
  std::vector<double> zero;
  std::vector<std::int32_t> user;
  std::unique_ptr<PreparedMetric> mean;
};

Sample skewed() {
  Sample s;
  for (int u = 0; u < 60; ++u) {
    s.x.push_back((u % 17) * (u % 17));
    s.zero.push_back(0);
    s.user.push_back(u);
  }
  s.mean = make_metric("mae", {})->prepare(s.x, s.zero, s.user);
  return s;
}

Interval interval_of(const Sample& s, const BootstrapOptions& options) {
  const PreparedMetric* systems[] = {s.mean.get()};
  return interval(resample(systems, s.user, options), 0, options);
}

TEST(Bootstrap, intervals_are_those_of_scipy) {
  // scipy.stats.bootstrap((x,), np.mean, n_resamples=100000, method=...), rounded; 20000 draws of
  // ours are within 0.45 of it (its spread over seeds is about 0.2).
  const Sample s = skewed();
  BootstrapOptions options;
  options.replicates = 20000;
  options.seed = 3;
  const Interval bca = interval_of(s, options);
  EXPECT_NEAR(bca.low, 59.82, 0.45);
  EXPECT_NEAR(bca.high, 99.93, 0.45);
  options.percentile = true;
  const Interval plain = interval_of(s, options);
  EXPECT_NEAR(plain.low, 58.85, 0.45);
  EXPECT_NEAR(plain.high, 98.70, 0.45);
}

TEST(Bootstrap, the_seed_gives_the_bits) {
  const Sample s = skewed();
  BootstrapOptions options;
  options.replicates = 200;
  options.seed = 5;
  const Interval a = interval_of(s, options);
  const Interval b = interval_of(s, options);
  EXPECT_EQ(a.low, b.low);
  EXPECT_EQ(a.high, b.high);
  options.seed = 6;
  EXPECT_NE(interval_of(s, options).low, a.low);
}

TEST(Bootstrap, a_95_percent_interval_covers_the_truth_about_95_times_in_100) {
  int covered = 0;
  constexpr int kTrials = 400;
  for (int trial = 0; trial < kTrials; ++trial) {
    Sample s;
    Random random(17, "coverage", {static_cast<std::uint64_t>(trial)});
    for (int u = 0; u < 50; ++u) {
      s.x.push_back(-std::log(1 - random.uniform()));  // exponential: mean 1, skewed
      s.zero.push_back(0);
      s.user.push_back(u);
    }
    s.mean = make_metric("mae", {})->prepare(s.x, s.zero, s.user);
    BootstrapOptions options;
    options.replicates = 400;
    options.seed = static_cast<std::uint64_t>(trial);
    const Interval i = interval_of(s, options);
    if (i.low <= 1 && 1 <= i.high) ++covered;
  }
  // 93.4 % in expectation at this size; four standard deviations of the count are 5 %.
  EXPECT_GE(covered, 0.88 * kTrials);
  EXPECT_LE(covered, 0.98 * kTrials);
}

TEST(Bootstrap, users_are_drawn_and_not_rows) {
  // Ten equal rows a user are one piece of evidence: the interval must be that of one row a user.
  const Sample s = skewed();
  Sample copies;
  for (std::size_t i = 0; i < 10 * s.x.size(); ++i) {
    copies.x.push_back(s.x[i / 10]);
    copies.zero.push_back(0);
    copies.user.push_back(s.user[i / 10]);
  }
  copies.mean = make_metric("mae", {})->prepare(copies.x, copies.zero, copies.user);
  const BootstrapOptions options;
  EXPECT_NEAR(interval_of(copies, options).low, interval_of(s, options).low, 1e-9);
}

TEST(Bootstrap, differences_are_paired) {
  const Table t = clicks(60, 20, {0.5}, 4);
  std::vector<double> shifted;
  for (const double p : t.member(0)) shifted.push_back(p * p);  // the same order: the same auc
  const auto metric = make_metric("auc", {});
  const auto a = metric->prepare(t.member(0), t.label, t.user);
  const auto b = metric->prepare(shifted, t.label, t.user);
  const PreparedMetric* systems[] = {a.get(), b.get()};
  const BootstrapOptions options;
  const Resampled resampled = resample(systems, t.user, options);
  const Interval alone = interval(resampled, 0, options);
  EXPECT_GT(alone.high - alone.low, 0.02);
  const Interval d = difference(resampled, 0, 1, options);
  EXPECT_EQ(d.value, 0);
  EXPECT_EQ(d.low, 0);
  EXPECT_EQ(d.high, 0);
  EXPECT_EQ(bootstrap_p(resampled, 0, 1), 1.0);
}

TEST(Bootstrap, undefined_is_nan_and_absent_users_draw_nothing) {
  const std::vector<double> score = {0.1, 0.2};
  const std::vector<double> label = {1, 1};
  const std::vector<std::int32_t> user = {3, 900};
  const auto auc = make_metric("auc", {})->prepare(score, label, user);
  const auto mae = make_metric("mae", {})->prepare(score, label, user);
  const PreparedMetric* systems[] = {auc.get(), mae.get()};
  BootstrapOptions options;
  options.replicates = 50;
  const Resampled resampled = resample(systems, user, options);
  EXPECT_TRUE(std::isnan(interval(resampled, 0, options).low));
  for (const double x : resampled.replicate[1]) EXPECT_FALSE(std::isnan(x));
  EXPECT_TRUE(std::isnan(interval(resample(systems, {}, options), 0, options).high));
}

TEST(Randomisation, counts_the_sign_flips_at_least_as_far) {
  // Differences 1, 1, 1: of the 8 sign choices 2 are as far from 0.
  const UserTerms a{{1, 2, 3}, {1, 1, 1}};
  const UserTerms b{{0, 1, 2}, {1, 1, 1}};
  EXPECT_NEAR(randomisation_p(a, b, 20000, 1), 0.25, 0.02);
  EXPECT_EQ(randomisation_p(a, a, 1000, 1), 1.0);
}

TEST(Randomisation, finds_a_real_difference) {
  const Table t = clicks(200, 10, {0.1, 1.5}, 12);
  const auto metric = make_metric("log-loss", {});
  const auto a = metric->prepare(t.member(0), t.label, t.user);
  const auto b = metric->prepare(t.member(1), t.label, t.user);
  EXPECT_LT(randomisation_p(*a->terms(), *b->terms(), 2000, 1), 0.01);
}

TEST(Holm, steps_down) {
  const std::vector<double> adjusted = holm(std::vector<double>{0.01, 0.04, 0.03, 0.005});
  EXPECT_DOUBLE_EQ(adjusted[0], 0.03);
  EXPECT_DOUBLE_EQ(adjusted[1], 0.06);
  EXPECT_DOUBLE_EQ(adjusted[2], 0.06);
  EXPECT_DOUBLE_EQ(adjusted[3], 0.02);
  EXPECT_EQ(holm(std::vector<double>{0.9, 0.8})[0], 1.0);
}

}  // namespace
}  // namespace tutti
