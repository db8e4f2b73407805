#include "tutti/launch/plan.hpp"

#include <algorithm>

namespace tutti {

namespace {

constexpr double kFloat = 4;

// Measured (docs/scaling.md, "Memory"): resident bytes of a run whose model and batch are next to
// nothing.
constexpr double kProcessBytes = 190e6;
// With other ranks: buffers of MPI, and of sums on their way beside the buckets.
constexpr double kGroupBytes = 40e6;
// An example's tokens with their types, row, user and label, and what the allocator adds.
constexpr double kBytesPerToken = 8;
constexpr double kBytesPerExample = 160;

// Floats a token and layer that forward keeps: of the residual stream and the projections, in
// units of the width, and in units of the feed-forward width; probabilities are made again in
// backward. Counted from the layers' code, then set so that the runs of tests/cli/test_memory.py
// come out right.
struct Kept {
  double hidden, intermediate;
};
constexpr Kept kPlain{9, 2};
constexpr Kept kGated{11, 3};

// Floats of logits that forward and the loss keep at once.
constexpr double kLogitCopies = 3;

double tokens_of_pass(const MemberConfig& member, double mean_tokens, double batch_tokens,
                      double batch_examples) {
  double tokens = batch_examples > 0 ? batch_examples * mean_tokens : batch_tokens;
  tokens /= member.ranks;
  const auto micro = static_cast<double>(member.train.micro_batch_tokens);
  return micro > 0 ? std::min(tokens, micro) : tokens;
}

double activations_of(const MemberConfig& member, const MemberEstimate& e, double tokens) {
  const Kept& kept = e.gated ? kGated : kPlain;
  const double layer = kept.hidden * e.hidden + kept.intermediate * e.intermediate;
  // Of a layer that is computed again only the input stays, but for the one that backward is in:
  // that is there with its gradients and the temporaries of its kernels.
  const double layers =
      member.train.checkpoint_activations ? e.layers * e.hidden + 3 * layer : e.layers * layer;
  return kFloat * tokens * layers;
}

}  // namespace

MemoryEstimate estimate_memory(const MemberConfig& member, const MemberEstimate& e) {
  const double values = kFloat * (e.layer_parameters + e.embedding_parameters);
  const double ranks = member.ranks;
  const auto bucket = static_cast<double>(member.train.bucket_bytes);
  const std::string& shard = member.train.shard;
  MemoryEstimate m;
  m.process = kProcessBytes + (member.ranks > 1 ? kGroupBytes : 0);
  m.data = (e.training_rows + e.scored_rows) * (kBytesPerExample + kBytesPerToken * e.tokens);
  m.parameters = values;
  m.gradients = values;
  m.optimizer = 2 * values / (shard == "none" ? 1 : ranks);
  if (shard == "gradients") {
    // Pieces, the gradient of the embedding, which is no smaller than it is, and buckets.
    m.gradients = values / ranks + std::min(values, kFloat * e.embedding_parameters + 2 * bucket);
  }
  if (shard == "parameters") {
    // Pieces, and all gradients of a pass, which are summed at its end.
    m.gradients = values / ranks + values;
    // Pieces, what belongs to no layer, and one layer.
    m.parameters = values / ranks +
                   kFloat * (e.embedding_parameters + e.layer_parameters / std::max(1.0, e.layers));
  }
  if (member.ranks > 1) m.gradients += std::min(values, 2 * bucket);
  const double tokens =
      tokens_of_pass(member, e.tokens, static_cast<double>(member.train.batch_tokens),
                     static_cast<double>(member.train.batch_examples));
  m.activations = activations_of(member, e, tokens);
  if (member.pretrain.objective != "none") {
    const double texts =
        tokens_of_pass(member, e.tokens, static_cast<double>(member.pretrain.batch_tokens), 0);
    const double predicted = member.pretrain.objective == "mlm" ? member.pretrain.mask : 1.0;
    m.activations =
        std::max(m.activations, activations_of(member, e, texts) +
                                    kLogitCopies * kFloat * texts * predicted * e.vocab);
  }
  return m;
}

}  // namespace tutti
