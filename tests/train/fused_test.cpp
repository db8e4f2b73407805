#include "tutti/train/attention.hpp"
#include "tutti/train/norm.hpp"

#include <ATen/Parallel.h>

#include <functional>

#include "model_support.hpp"

// Our kernels against the same by LibTorch's operations: values, and gradients of all inputs.

namespace tutti::test {
namespace {

using Tensors = std::vector<at::Tensor>;

at::Tensor wave(at::IntArrayRef shape, double step) {
  return at::arange(c10::multiply_integers(shape), at::kFloat).mul(step).sin().view(shape);
}

// A gradient that is not the same everywhere.
Tensors gradients_of(const at::Tensor& y, const Tensors& of) {
  (y.to(at::kFloat) * wave(y.sizes(), 0.37)).sum().backward();
  Tensors out;
  for (const at::Tensor& x : of) {
    out.push_back(x.grad().clone());
    x.mutable_grad().reset();
  }
  return out;
}

void expect_same(const Tensors& a, const Tensors& b, double tolerance, const std::string& what) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].scalar_type(), b[i].scalar_type()) << what;
    EXPECT_LT(distance(a[i].to(at::kFloat), b[i].to(at::kFloat)), tolerance)
        << what << ", tensor " << i;
  }
}

Pass training_pass() {
  Pass pass;
  pass.training = true;
  pass.dropout_key = 77;
  return pass;
}

// Lengths of every remainder that the loops treat on their own.
Batch ragged() {
  std::vector<Tokens> examples;
  Row row = 3;
  for (const int length : {1, 2, 7, 7, 16, 17, 19, 35, 50, 50}) {
    Tokens tokens = example(row, length);
    tokens.row = row++;
    examples.push_back(tokens);
  }
  return batch_of(examples);
}

struct AttentionCase {
  std::int64_t heads, kv_heads, size;
  bool causal, rotary, chosen;
  double dropout;
};

std::ostream& operator<<(std::ostream& out, const AttentionCase& c) {
  return out << c.heads << " heads on " << c.kv_heads << " of " << c.size
             << (c.causal ? ", causal" : "") << (c.rotary ? ", rotary" : "")
             << (c.chosen ? ", one query" : "") << ", dropout " << c.dropout;
}

class FusedAttention : public ::testing::TestWithParam<AttentionCase> {};

void compare_attention(const AttentionCase& c, at::ScalarType type, double tolerance) {
  const Batch batch = ragged();
  const Layout layout(batch, at::kCPU, 1000, 64, 2);
  const Dropout dropout(batch, training_pass());
  Attention how{c.heads, c.kv_heads, c.causal, 0.3, c.dropout, 9, {}, {}};
  if (c.rotary) {
    const at::Tensor angles = wave({64, c.size / 2}, 0.71) * 3;
    how.cosines = angles.cos();
    how.sines = angles.sin();
  }
  const Chosen last = last_tokens(batch, -1, at::kCPU);
  const Chosen* const chosen = c.chosen ? &last : nullptr;
  const std::int64_t rows = c.chosen ? batch.examples() : batch.tokens();
  const at::Tensor q = wave({rows, c.heads * c.size}, 0.13).to(type).requires_grad_(true);
  const at::Tensor k =
      wave({batch.tokens(), c.kv_heads * c.size}, 0.17).to(type).requires_grad_(true);
  const at::Tensor v =
      wave({batch.tokens(), c.kv_heads * c.size}, 0.19).to(type).requires_grad_(true);

  const at::Tensor plain = attend_by_operations(q, k, v, layout, dropout, how, chosen);
  const Tensors plain_gradients = gradients_of(plain, {q, k, v});
  const at::Tensor fused = c.chosen
                               ? attend_chosen(q, at::cat({k, v}, 1), layout, dropout, how, last)
                               : attend(at::cat({q, k, v}, 1), layout, dropout, how);
  expect_same({fused}, {plain}, tolerance, "values");
  expect_same(gradients_of(fused, {q, k, v}), plain_gradients, 10 * tolerance, "gradients");
}

TEST_P(FusedAttention, IsThatOfOperations) { compare_attention(GetParam(), at::kFloat, 2e-6); }

// Ours rounds inputs and outputs to bf16; the operations what is between them, too.
TEST_P(FusedAttention, IsThatOfOperationsInBf16) {
  compare_attention(GetParam(), at::kBFloat16, 2e-2);
}

INSTANTIATE_TEST_SUITE_P(Cases, FusedAttention,
                         ::testing::Values(AttentionCase{3, 3, 32, false, false, false, 0.0},
                                           AttentionCase{3, 3, 32, false, false, false, 0.2},
                                           AttentionCase{2, 2, 16, false, false, false, 0.2},
                                           AttentionCase{2, 2, 64, true, false, false, 0.2},
                                           AttentionCase{2, 1, 128, true, true, false, 0.0},
                                           AttentionCase{6, 2, 64, true, true, false, 0.1},
                                           AttentionCase{3, 3, 32, false, false, true, 0.2},
                                           AttentionCase{6, 2, 64, true, true, true, 0.2}));

// The same bits, however many threads share the heads.
TEST(FusedAttention, DoesNotDependOnThreads) {
  const Batch batch = ragged();
  const Layout layout(batch, at::kCPU, 1000, 64, 2);
  const Dropout dropout(batch, training_pass());
  const Attention how{4, 4, false, 0.3, 0.1, 9, {}, {}};
  const auto run = [&](int threads) {
    const int before = at::get_num_threads();
    at::set_num_threads(threads);
    const at::Tensor packed = wave({batch.tokens(), 3 * 4 * 32}, 0.13).requires_grad_(true);
    const at::Tensor y = attend(packed, layout, dropout, how);
    Tensors out = gradients_of(y, {packed});
    out.push_back(y.detach());
    at::set_num_threads(before);
    return out;
  };
  const Tensors one = run(1);
  const Tensors two = run(2);
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(one[i].equal(two[i]));
}

struct NormCase {
  bool root_mean_square, has_x, halves, chosen;
  double dropout;
};

std::ostream& operator<<(std::ostream& out, const NormCase& c) {
  return out << (c.root_mean_square ? "RMSNorm" : "LayerNorm") << (c.has_x ? " of a sum" : "")
             << (c.halves ? ", bf16" : "") << (c.chosen ? ", chosen rows" : "") << ", dropout "
             << c.dropout;
}

class FusedNorm : public ::testing::TestWithParam<NormCase> {};

TEST_P(FusedNorm, IsThatOfOperations) {
  const NormCase c = GetParam();
  const Batch batch = ragged();
  const Dropout dropout(batch, training_pass());
  const Chosen last = last_tokens(batch, -1, at::kCPU);
  const Chosen* const chosen = c.chosen ? &last : nullptr;
  const std::int64_t rows = c.chosen ? batch.examples() : batch.tokens();
  constexpr std::int64_t kWidth = 48;
  Affine affine;
  affine.weight = (wave({kWidth}, 0.7) + 1.5).requires_grad_(true);
  if (!c.root_mean_square) affine.bias = wave({kWidth}, 0.9).requires_grad_(true);
  const at::Tensor residual = (wave({rows, kWidth}, 0.31) * 2 + 0.3).requires_grad_(true);
  at::Tensor x;
  Tensors inputs = {residual, affine.weight};
  if (affine.bias.defined()) inputs.push_back(affine.bias);
  if (c.has_x) {
    x = wave({rows, kWidth}, 0.23).to(c.halves ? at::kBFloat16 : at::kFloat).requires_grad_(true);
    inputs.push_back(x);
  }
  const Norm norm{affine, 1e-5, c.dropout, 5};
  // All outputs at once, each with a gradient of its own.
  const auto all = [&](const Normed& normed) {
    at::Tensor y = normed.floats + 0.7 * normed.sum;
    if (normed.halves.defined()) y = y + 0.4 * normed.halves.to(at::kFloat);
    return y;
  };
  const Normed plain =
      add_and_norm_by_operations(residual, x, norm, dropout, chosen, c.halves, true);
  const Tensors plain_gradients = gradients_of(all(plain), inputs);
  const Normed fused = add_and_norm(residual, x, norm, dropout, chosen, c.halves, true);
  expect_same({fused.sum, fused.floats}, {plain.sum, plain.floats}, 3e-6, "values");
  if (c.halves) expect_same({fused.halves}, {plain.halves}, 4e-2, "bf16 values");
  expect_same(gradients_of(all(fused), inputs), plain_gradients, c.halves ? 8e-2 : 1e-4,
              "gradients");
}

INSTANTIATE_TEST_SUITE_P(Cases, FusedNorm,
                         ::testing::Values(NormCase{false, true, false, false, 0.2},
                                           NormCase{false, true, true, false, 0.2},
                                           NormCase{false, false, false, false, 0.0},
                                           NormCase{true, true, false, false, 0.1},
                                           NormCase{true, false, true, false, 0.0},
                                           NormCase{false, true, false, true, 0.2}));

}  // namespace
}  // namespace tutti::test
