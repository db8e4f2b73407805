#pragma once

#include "tutti/data/random.hpp"
#include "tutti/train/head.hpp"
#include "tutti/train/model.hpp"

#include <ATen/ATen.h>
#include <ATen/Functions.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace tutti::test {

inline constexpr std::int64_t kTinyVocab = 50;
inline constexpr std::int64_t kTinyWidth = 8;

/// The smallest thing that is a Model: mean of token embeddings, a keyed dropout of whole
/// examples, a linear layer; the language logits of a position come from its token alone.
class TinyModel final : public Model {
 public:
  explicit TinyModel(std::uint64_t seed = 1, int labels = 2) {
    Random random(seed, "tiny");
    const auto draw = [&](at::IntArrayRef shape) {
      at::Tensor out = at::empty(shape);
      for (std::int64_t i = 0; i < out.numel(); ++i) {
        out.data_ptr<float>()[i] = static_cast<float>(0.3 * random.normal());
      }
      return out;
    };
    embedding_ = draw({kTinyVocab, kTinyWidth});
    weight_ = draw({labels, kTinyWidth});
    bias_ = at::zeros({labels});
    language_bias_ = at::zeros({kTinyVocab});
  }

  at::Tensor logits(const Batch& batch, const Pass& pass) override {
    if (fail_at_row >= 0) {
      for (const Row row : batch.rows) {
        if (row == fail_at_row) throw std::runtime_error("planted failure\nbacktrace");
      }
    }
    ++forward_passes;
    std::vector<at::Tensor> means;
    for (std::size_t i = 0; i < batch.rows.size(); ++i) {
      const at::Tensor mean = embed(batch, batch.offsets[i], batch.offsets[i + 1]).mean(0);
      const std::uint64_t draw =
          mix64(pass.dropout_key ^ mix64(static_cast<std::uint64_t>(batch.rows[i])));
      means.push_back(pass.training && draw % 4 == 0 ? mean * 0 : mean);
    }
    return at::linear(at::stack(means), weight_, bias_);
  }

  at::Tensor language_logits(const Batch& batch, std::span<const std::int64_t> positions,
                             const Pass& /*pass*/) override {
    seen.push_back(batch);
    const at::Tensor at_positions =
        at::tensor(at::ArrayRef<std::int64_t>(positions.data(), positions.size()), at::kLong);
    const at::Tensor hidden = embed(batch, 0, batch.tokens()).index_select(0, at_positions);
    return at::linear(hidden, embedding_, language_bias_);
  }

  at::Tensor hidden(const Batch& batch, const Pass& /*pass*/) override {
    return embed(batch, 0, batch.tokens());
  }

  [[nodiscard]] bool causal() const noexcept override { return is_causal; }

  std::vector<std::pair<std::string, at::Tensor>> named_parameters() override {
    return {{"embedding", embedding_}, {"classifier.weight", weight_}, {"classifier.bias", bias_}};
  }

  std::vector<std::pair<std::string, at::Tensor>> language_parameters() override {
    return {{"language.bias", language_bias_}};
  }

  [[nodiscard]] std::string config_json() const override { return "{}"; }

  Row fail_at_row = -1;
  bool is_causal = false;
  int forward_passes = 0;
  std::vector<Batch> seen;  ///< batches of language_logits

 private:
  [[nodiscard]] at::Tensor embed(const Batch& batch, std::int32_t begin, std::int32_t end) const {
    const at::Tensor ids = at::tensor(at::ArrayRef<TokenId>(batch.ids), at::kInt);
    return at::embedding(embedding_, ids.slice(0, begin, end));
  }

  at::Tensor embedding_, weight_, bias_, language_bias_;
};

/// Two classes, label 0 or 1.
class TinyHead final : public Head {
 public:
  [[nodiscard]] int num_labels() const noexcept override { return 2; }
  [[nodiscard]] at::Tensor loss_sum(const at::Tensor& logits, const Batch& batch) const override {
    const at::Tensor labels = at::tensor(at::ArrayRef<double>(batch.labels)).to(at::kLong);
    return at::cross_entropy_loss(logits, labels, {}, at::Reduction::Sum);
  }
  [[nodiscard]] double loss_weight(const Batch& batch) const override { return batch.examples(); }
  void scores(std::span<const float> /*logits*/, std::span<double> /*out*/) const override {}
  [[nodiscard]] std::string problem_type() const override { return "single_label_classification"; }
};

/// Examples whose label says whether they hold more tokens below than above the middle of the
/// vocabulary: learnable.
inline std::vector<Tokens> tiny_examples(int count, std::uint64_t seed = 5) {
  Random random(seed, "examples");
  std::vector<Tokens> examples(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    Tokens& example = examples[static_cast<std::size_t>(i)];
    example.row = 1000 + i;
    example.user = static_cast<std::int32_t>(random.below(7));
    const std::uint64_t length = 3 + random.below(12);
    int low = 0;
    for (std::uint64_t t = 0; t < length; ++t) {
      const auto id = static_cast<TokenId>(random.below(kTinyVocab));
      low += id < kTinyVocab / 2 ? 1 : -1;
      example.encoding.ids.push_back(id);
      example.encoding.types.push_back(0);
    }
    example.label = low > 0 ? 1.0 : 0.0;
  }
  return examples;
}

inline std::vector<at::Tensor> copy_of_weights(Model& model) {
  std::vector<at::Tensor> out;
  for (const auto& [name, tensor] : model.named_parameters())
    out.push_back(tensor.detach().clone());
  return out;
}

}  // namespace tutti::test
