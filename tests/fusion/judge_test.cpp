#include "tutti/ensemble/fusion/judge.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "table.hpp"

namespace tutti {
namespace {

using ::testing::HasSubstr;
using testing::sigmoid;
using testing::Table;

BootstrapOptions bootstrap(std::uint64_t seed) {
  BootstrapOptions options;
  options.replicates = 800;
  options.seed = seed;
  return options;
}

// The last member of the table plays the fused system; the others are the ensemble.
struct Trial {
  Table members;
  std::vector<double> fused;
};

Trial take_last_as_fused(Table t) {
  const std::size_t rows = t.user.size();
  Trial out;
  out.fused.assign(t.values.end() - static_cast<std::ptrdiff_t>(rows), t.values.end());
  t.values.resize(t.values.size() - rows);
  t.members -= 1;
  out.members = std::move(t);
  return out;
}

TEST(Judge, at_most_5_of_100_null_ensembles_are_called_a_gain) {
  // The fused system is a further draw like the members: as good as they in truth.
  const auto metric = make_metric("auc", {});
  int gains = 0;
  for (std::uint64_t trial = 0; trial < 100; ++trial) {
    const Table validation = testing::clicks(100, 10, {0.6, 0.6, 0.6}, 2 * trial);
    const Trial test =
        take_last_as_fused(testing::clicks(150, 10, {0.6, 0.6, 0.6, 0.6}, 2 * trial + 1));
    const int best = best_member(*metric, validation.scores(), validation.labels());
    const Verdict verdict = judge(*metric, "null", test.fused, test.members.scores(),
                                  test.members.labels(), best, {"a", "b", "c"}, bootstrap(trial));
    if (verdict.against_best.outcome == Outcome::Gain) ++gains;
  }
  EXPECT_LE(gains, 5);
}

// Members see the truth through a noise that they share and one of their own; the fused system has
// less of the shared one.
Trial planted(std::uint64_t seed) {
  Table t;
  t.members = 2;
  Random random(seed, "planted");
  std::vector<double> fused;
  std::vector<double> other;
  for (int u = 0; u < 300; ++u) {
    for (int r = 0; r < 16; ++r) {
      const double truth = 1.5 * random.normal();
      const double shared = random.normal();
      t.user.push_back(u);
      t.label.push_back(random.uniform() < sigmoid(truth) ? 1 : 0);
      t.values.push_back(sigmoid(truth + 0.60 * shared));
      other.push_back(sigmoid(truth + 0.60 * shared + 0.5 * random.normal()));
      fused.push_back(sigmoid(truth + 0.525 * shared + 0.05 * random.normal()));
    }
  }
  t.values.insert(t.values.end(), other.begin(), other.end());
  return {std::move(t), std::move(fused)};
}

TEST(Judge, at_least_80_of_100_planted_gains_of_0_005_auc_are_found) {
  const auto metric = make_metric("auc", {});
  int gains = 0;
  double sum = 0;
  for (std::uint64_t trial = 0; trial < 100; ++trial) {
    const Trial test = planted(trial);
    const Verdict verdict = judge(*metric, "planted", test.fused, test.members.scores(),
                                  test.members.labels(), 0, {"best", "other"}, bootstrap(trial));
    sum += verdict.against_best.difference.value;
    if (verdict.against_best.outcome == Outcome::Gain) ++gains;
  }
  EXPECT_NEAR(sum / 100, 0.005, 0.0003) << "the planted gain is not what it says";
  EXPECT_GE(gains, 80);
}

TEST(Judge, keeps_what_is_proven_and_says_so) {
  const auto metric = make_metric("auc", {});
  const Trial gain = planted(7);
  const auto verdict = [&](std::span<const double> fused, const Table& t, int best) {
    return judge(*metric, "learned", fused, t.scores(), t.labels(), best, {"best", "other"},
                 bootstrap(1));
  };
  const Verdict good = verdict(gain.fused, gain.members, 0);
  EXPECT_EQ(good.against_best.outcome, Outcome::Gain);
  EXPECT_EQ(good.keep, "rule");
  EXPECT_THAT(good.sentence, HasSubstr("gain: learned against the best member best +0.00"));
  EXPECT_THAT(good.sentence, HasSubstr("keep learned"));

  const Verdict same = verdict(gain.members.member(0), gain.members, 0);
  EXPECT_EQ(same.against_best.outcome, Outcome::Noise);
  EXPECT_EQ(same.keep, "member");
  EXPECT_THAT(same.sentence, HasSubstr("keep best alone"));

  const Verdict worse = verdict(gain.members.member(1), gain.members, 0);
  EXPECT_EQ(worse.against_best.outcome, Outcome::Loss);

  // Two members with noise of their own: equal weights gain, and a rule that is no gain over them
  // is not kept.
  const Table t = testing::clicks(200, 15, {0.9, 0.9}, 3);
  std::vector<double> nearly(t.user.size());
  for (std::size_t i = 0; i < nearly.size(); ++i) {
    nearly[i] = 0.499 * t.member(0)[i] + 0.501 * t.member(1)[i];
  }
  const Verdict equal = verdict(nearly, t, 0);
  EXPECT_EQ(equal.against_best.outcome, Outcome::Gain);
  EXPECT_EQ(equal.against_equal.outcome, Outcome::Noise);
  EXPECT_EQ(equal.keep, "average");
}

TEST(Judge, a_lower_loss_is_a_gain) {
  const Trial t = planted(3);
  const Verdict v = judge(*make_metric("log-loss", {}), "learned", t.fused, t.members.scores(),
                          t.members.labels(), 1, {"best", "other"}, bootstrap(1));
  EXPECT_LT(v.against_best.difference.high, 0);
  EXPECT_EQ(v.against_best.outcome, Outcome::Gain);
}

TEST(Judge, one_class_is_noise_and_not_a_crash) {
  Table t = testing::clicks(5, 4, {0.5, 0.5}, 1);
  t.label.assign(t.label.size(), 1.0);
  const Verdict v =
      judge(*make_metric("auc", {}), "average", t.member(0), t.scores(), t.labels(),
            best_member(*make_metric("auc", {}), t.scores(), t.labels()), {"a", "b"}, bootstrap(1));
  EXPECT_EQ(v.against_best.outcome, Outcome::Noise);
  EXPECT_THAT(v.sentence, HasSubstr("undefined on these rows"));
}

TEST(BestMember, goes_by_the_metric_and_its_direction) {
  const Table t = testing::clicks(100, 10, {1.0, 0.1, 2.0}, 2);
  for (const char* name : {"auc", "log-loss", "ndcg@5"}) {
    EXPECT_EQ(best_member(*make_metric(name, {}), t.scores(), t.labels()), 1) << name;
  }
}

TEST(Protocols, unlike_ones_are_refused) {
  MetricOptions random;
  random.split = "random";
  require_same_protocol(make_metric("auc", {})->protocol(), make_metric("auc", {})->protocol());
  EXPECT_THROW(require_same_protocol(make_metric("auc", {})->protocol(),
                                     make_metric("auc", random)->protocol()),
               Error);
  MetricOptions four;
  four.positive = 4;
  for (const char* name : {"auc", "user-auc", "ndcg@10", "accuracy", "brier", "log-loss"}) {
    EXPECT_THROW(require_same_protocol(make_metric(name, {})->protocol(),
                                       make_metric(name, four)->protocol()),
                 Error);
  }
  EXPECT_EQ(make_metric("ndcg@10", four)->protocol(),
            "ndcg@10/rated/ties=avg/per-user-time/positive=4");
  EXPECT_EQ(make_metric("rmse", four)->protocol(), make_metric("rmse", {})->protocol());
  EXPECT_THROW(require_same_protocol(make_metric("ndcg@5", {})->protocol(),
                                     make_metric("ndcg@10", {})->protocol()),
               Error);
}

}  // namespace
}  // namespace tutti
