// N7: weights per user segment. A planted effect is found; without one all segments have the global
// weights.
#include "tutti/ensemble/fusion/rule_state.hpp"
#include "tutti/ensemble/metric.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "table.hpp"

namespace tutti {
namespace {

using testing::sigmoid;
using testing::Table;

struct Segmented {
  Table table;
  std::vector<std::int32_t> segment;

  [[nodiscard]] Scores scores() const {
    Scores out = table.scores();
    out.segment = segment;
    return out;
  }
};

// Two members; member 0 is the good one for even segments and, if `planted`, member 1 for odd ones.
Segmented draw(bool planted, std::uint64_t seed, int users = 240) {
  Segmented out;
  out.table.members = 2;
  Random random(seed, "segmented");
  std::vector<double> second;
  for (int u = 0; u < users; ++u) {
    const int segment = u % 4;
    const bool turned = planted && segment % 2 == 1;
    for (int r = 0; r < 15; ++r) {
      const double truth = 1.2 * random.normal();
      const double good = sigmoid(truth + 0.2 * random.normal());
      const double bad = sigmoid(truth + 2.0 * random.normal());
      out.table.user.push_back(u);
      out.segment.push_back(segment);
      out.table.label.push_back(random.uniform() < sigmoid(truth) ? 1 : 0);
      out.table.values.push_back(turned ? bad : good);
      second.push_back(turned ? good : bad);
    }
  }
  out.table.values.insert(out.table.values.end(), second.begin(), second.end());
  return out;
}

double log_loss(const FusionRule& rule, const Segmented& t) {
  std::vector<double> fused(t.table.user.size());
  rule.fuse(t.scores(), fused);
  return make_metric("log-loss", {})->evaluate(fused, t.table.label, t.table.user);
}

std::unique_ptr<FusionRule> fit(const char* name, const Segmented& t) {
  auto rule = FusionRegistry::make(name, testing::facts(2));
  rule->fit(t.scores(), t.table.labels());
  return rule;
}

TEST(Segments, find_a_planted_effect) {
  const Segmented validation = draw(true, 1);
  const Segmented fresh = draw(true, 2);
  const auto segments = fit("segments", validation);
  EXPECT_LT(log_loss(*segments, fresh), log_loss(*fit("learned", validation), fresh) - 0.01);
  const auto weights = read_rule_state("segments", segments->state(), "segment_weights");
  ASSERT_EQ(weights.size(), 4U);
  for (std::size_t s = 0; s < 4; ++s) EXPECT_GT(weights[s][s % 2], 0.75) << s;
}

TEST(Segments, without_an_effect_all_have_the_global_weights) {
  int shrunk = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const Segmented validation = draw(false, 10 + seed, 120);
    const auto segments = fit("segments", validation);
    const auto global = read_rule_state("segments", segments->state(), "weights");
    EXPECT_EQ(global[0], fit("learned", validation)->weights());
    bool same = true;
    for (const auto& w : read_rule_state("segments", segments->state(), "segment_weights")) {
      same = same && w == global[0];
      EXPECT_NEAR(w[0], global[0][0], 0.2) << seed;
    }
    shrunk += same ? 1 : 0;
  }
  EXPECT_GE(shrunk, 8);
}

TEST(Segments, an_unknown_segment_or_none_is_fused_with_the_global_weights) {
  const Segmented validation = draw(true, 3);
  const auto segments = fit("segments", validation);
  const auto w = read_rule_state("segments", segments->state(), "weights")[0];
  Segmented unknown = draw(true, 4, 8);
  for (std::int32_t& s : unknown.segment) s += 100;
  for (const bool given : {true, false}) {
    if (!given) unknown.segment.clear();
    std::vector<double> fused(unknown.table.user.size());
    segments->fuse(unknown.scores(), fused);
    for (std::size_t i = 0; i < fused.size(); ++i) {
      EXPECT_DOUBLE_EQ(fused[i],
                       w[0] * unknown.table.member(0)[i] + w[1] * unknown.table.member(1)[i]);
    }
  }
}

}  // namespace
}  // namespace tutti
