#pragma once

// Only for .cpp files: this header includes LibTorch.

#include "tutti/data/shared_texts.hpp"
#include "tutti/train/layers.hpp"
#include "tutti/train/towers.hpp"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace tutti {

/// Item encodings of the last steps.
class EncodingCache {
 public:
  explicit EncodingCache(std::int64_t steps) : steps_(steps) {}
  [[nodiscard]] bool enabled() const noexcept { return steps_ > 0; }
  /// A step is known by its dropout key. Forgets what has become too old.
  void enter_step(std::uint64_t key);
  /// [hidden], or null.
  [[nodiscard]] const at::Tensor* find(const std::string& text) const;
  void put(const std::string& text, at::Tensor encoding);

 private:
  struct Entry {
    at::Tensor encoding;
    std::int64_t step;
  };
  std::int64_t steps_;
  std::int64_t step_ = 0;
  std::uint64_t key_ = 0;
  std::unordered_map<std::string, Entry> entries_;  // by the bytes of the ids
};

/// See make_two_tower.
class TwoTower final : public Model {
 public:
  TwoTower(std::unique_ptr<Model> backbone, int num_labels, const TowerOptions& options,
           std::optional<std::uint64_t> seed);

  at::Tensor logits(const Batch& batch, const Pass& pass) override;
  at::Tensor language_logits(const Batch& batch, std::span<const std::int64_t> positions,
                             const Pass& pass) override;
  at::Tensor hidden(const Batch& batch, const Pass& pass) override;
  [[nodiscard]] bool causal() const noexcept override { return backbone_->causal(); }
  NamedTensors named_parameters() override;
  NamedTensors language_parameters() override { return backbone_->language_parameters(); }
  [[nodiscard]] std::string config_json() const override;
  void write_files(const Path& folder) override;
  [[nodiscard]] TwoTower* towers() noexcept override { return this; }

  /// The backbone without its classification layer: what model.safetensors holds.
  [[nodiscard]] NamedTensors backbone_parameters();
  /// The six tensors of the towers, by their names in towers.safetensors.
  [[nodiscard]] const NamedTensors& tower_parameters() const noexcept { return parameters_.all(); }

  /// The mean of the last layer over each text: texts [texts, hidden] fp32. `texts` by length.
  [[nodiscard]] at::Tensor encode(const Batch& texts, const Pass& pass);
  [[nodiscard]] at::Device device() const { return scale_.device(); }
  /// Logits [examples, num_labels] of examples whose texts are these rows of `encoded`.
  [[nodiscard]] at::Tensor compare(const at::Tensor& encoded,
                                   const std::vector<std::int64_t>& user_text,
                                   const std::vector<std::int64_t>& item_text) const;

 private:
  [[nodiscard]] at::Tensor encode_with_cache(const SharedBatch& batch, const Pass& pass);

  std::unique_ptr<Model> backbone_;
  TowerOptions options_;
  int num_labels_;
  Parameters parameters_;
  Affine user_, item_;
  at::Tensor scale_, bias_;
  EncodingCache cache_;
};

/// The two-tower model around `backbone` that `folder` holds, with the towers' own weights read;
/// `backbone` itself where it holds none. Throws Error(Data) for a towers.json or
/// towers.safetensors that does not fit.
std::unique_ptr<Model> read_towers(std::unique_ptr<Model> backbone, const Path& folder);

}  // namespace tutti
