#include "tutti/train/dropout.hpp"

#include <cmath>

#include "model_support.hpp"

namespace tutti::test {
namespace {

Pass training(std::uint64_t key) {
  Pass pass;
  pass.training = true;
  pass.dropout_key = key;
  return pass;
}

TEST(Dropout, KeepsTheShareAndScalesIt) {
  constexpr double p = 0.1;
  const at::Tensor keys = at::arange(2000, at::kLong) * 0x5851f42d4c957f2dLL;
  const at::Tensor kept = drop_rows(at::ones({2000, 300}), keys, p, false);
  const double share = kept.eq(0).to(at::kDouble).mean().item<double>();
  EXPECT_NEAR(share, p, 5 * std::sqrt(p * (1 - p) / 600000));  // five deviations
  EXPECT_TRUE(at::logical_or(kept.eq(0), kept.eq(1.0F / 0.9F)).all().item<bool>());
  // Neighbours are dropped together as often as independent ones: p squared.
  const at::Tensor gone = kept.eq(0);
  const at::Tensor both = at::logical_and(gone.slice(1, 0, 299), gone.slice(1, 1, 300));
  EXPECT_NEAR(both.to(at::kDouble).mean().item<double>(), p * p, 5 * 0.1 / std::sqrt(598000.0));
}

TEST(Dropout, OperationsGiveTheMaskOfTheLoop) {
  const at::Tensor keys = at::arange(-40, 40, at::kLong) * 0x5851f42d4c957f2dLL;
  const at::Tensor x = at::arange(80 * 77, at::kFloat).view({80, 77}) + 1;
  for (const double p : {0.1, 0.5, 0.9}) {
    EXPECT_TRUE(drop_rows(x, keys, p, true).allclose(drop_rows(x, keys, p, false), 1e-6, 0)) << p;
  }
}

TEST(Dropout, GradientPassesWhereTheValueDid) {
  const Batch batch = batch_of(examples());
  const Dropout dropout(batch, training(3));
  const at::Tensor x = at::ones({batch.tokens(), 40}).requires_grad_(true);
  const at::Tensor y = dropout.tokens(x, 0.3, 1);
  y.sum().backward();
  EXPECT_TRUE(x.grad().equal(y.detach()));
}

TEST(Dropout, ChosenTokensHaveTheirMaskAmongAll) {
  const Batch batch = batch_of(examples());
  const Dropout dropout(batch, training(3));
  const at::Tensor all = dropout.tokens(at::ones({batch.tokens(), 40}), 0.4, 2);
  const std::vector<std::int64_t> positions = {4, 0, 1, 7, 0, 3};
  const at::Tensor some = dropout.tokens(at::ones({6, 40}), 0.4, 2, &positions);
  for (std::size_t e = 0; e < positions.size(); ++e) {
    const auto row = static_cast<std::int64_t>(e);
    EXPECT_TRUE(some[row].equal(all[batch.offsets[e] + positions[e]])) << e;
  }
  const at::Tensor pairs = dropout.attention(at::ones({2, 3, 5, 5}), 0, 0.4, 2);
  const at::Tensor queries = dropout.attention(at::ones({2, 3, 1, 5}), 0, 0.4, 2, &positions);
  EXPECT_TRUE(queries[0].equal(pairs[0].slice(1, 4, 5)));
  EXPECT_TRUE(queries[1].equal(pairs[1].slice(1, 0, 1)));
  EXPECT_FALSE(pairs[0].equal(pairs[1])) << "two examples share a mask";
}

TEST(Dropout, SitesDifferAndScoringDropsNothing) {
  const Batch batch = batch_of(examples());
  const at::Tensor x = at::ones({batch.tokens(), 40});
  const Dropout dropout(batch, training(3));
  EXPECT_FALSE(dropout.tokens(x, 0.4, 1).equal(dropout.tokens(x, 0.4, 2)));
  EXPECT_TRUE(Dropout(batch, {}).tokens(x, 0.4, 1).equal(x));
  EXPECT_TRUE(dropout.tokens(x, 0.0, 1).equal(x));
}

}  // namespace
}  // namespace tutti::test
