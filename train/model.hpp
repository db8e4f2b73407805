#pragma once

#include "tutti/data/batch.hpp"
#include "tutti/data/files.hpp"
#include "tutti/data/registry.hpp"
#include "tutti/data/tokenizer.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace at {
class Tensor;
}

namespace tutti {

class LayerRunner;

/// How a forward pass is run.
struct Pass {
  bool training = false;          ///< dropout on
  std::uint64_t dropout_key = 0;  ///< with an example's row and the layer, keys its dropout mask:
                                  ///< no rank, no batch order in it
  bool bf16 = false;  ///< matrix products in bfloat16; norms, softmax and losses stay fp32
  LayerRunner* layers = nullptr;  ///< runs each layer, where not null (train/layer_runner.hpp)
};

/// Where a model comes from: a Hugging Face folder, or a description to start from scratch.
struct BackboneOptions {
  std::string
      folder;  ///< a Hugging Face folder, or the name of a model in the cache of scripts/setup
  std::string type;  ///< without a folder: bert | gpt2 | llama
  int layers = 0;    ///< with a folder: keep the first so many layers (0: all)
  int hidden = 384;
  int heads = 12;
  int kv_heads = 0;      ///< llama: 0 means heads
  int intermediate = 0;  ///< 0: 4 x hidden
  int max_positions = 512;
  double dropout =
      0.1;  ///< hidden and attention dropout; with a folder, negative keeps the folder's own
  std::string
      tokenizer;  ///< without a folder: a folder or cached model with a tokenizer, or "train"
  int vocab_size = 4096;  ///< tokenizer = "train": how many tokens to learn
};

class TwoTower;

/// A transformer with a classification layer, over ragged batches. Parameters carry Hugging Face's
/// names, and are fp32.
///
/// Registered by its Hugging Face model_type. Not thread-safe.
class Model {
 public:
  static constexpr const char* kKind = "backbone";
  virtual ~Model() = default;

  /// [examples, num_labels] fp32, as transformers' ...ForSequenceClassification gives for each
  /// example alone.
  [[nodiscard]] virtual at::Tensor logits(const Batch& batch, const Pass& pass) = 0;
  /// Language-model logits [positions, vocab] fp32 at token positions of the batch: for an encoder
  /// of the token that stands there (MLM), for a decoder of the token that comes next (CLM). Output
  /// weights are tied to the embedding.
  [[nodiscard]] virtual at::Tensor language_logits(const Batch& batch,
                                                   std::span<const std::int64_t> positions,
                                                   const Pass& pass) = 0;
  /// [tokens, hidden] fp32 after the last layer, of all tokens of the batch (one at least).
  [[nodiscard]] virtual at::Tensor hidden(const Batch& batch, const Pass& pass) = 0;
  [[nodiscard]] virtual bool causal() const noexcept = 0;
  /// In a fixed order. Tensors share storage with the model: an optimiser updates them in place.
  [[nodiscard]] virtual std::vector<std::pair<std::string, at::Tensor>> named_parameters() = 0;
  /// Only needed for language_logits, and not saved with the classifier.
  [[nodiscard]] virtual std::vector<std::pair<std::string, at::Tensor>> language_parameters() = 0;
  /// config.json of transformers, as text.
  [[nodiscard]] virtual std::string config_json() const = 0;
  /// Writes the model into a folder: config.json and model.safetensors. Throws Error(Io).
  virtual void write_files(const Path& folder);
  /// This model if it is one of two towers, whose examples are two texts each (Tokens::split).
  [[nodiscard]] virtual TwoTower* towers() noexcept { return nullptr; }
};

/// Makes a model with weights drawn from `seed` (normal, 0.02, as transformers) out of a
/// config.json text. Without a seed the weights are left unset, for a caller that reads them.
using ModelRegistry =
    Registry<Model, const std::string& /*config_json*/, std::optional<std::uint64_t> /*seed*/>;

/// A model and the tokenizer that goes with it.
struct ModelAndTokenizer {
  std::unique_ptr<Model> model;
  std::shared_ptr<const Tokenizer> tokenizer;
};

/// From a Hugging Face folder, or from scratch with `texts` to learn a vocabulary from. The
/// classification layer is fresh unless the folder has one with that many labels. Throws
/// Error(Data) where the vocabulary does not fit the embedding, a tensor is missing or has another
/// shape; Error(Config) for an unknown type.
ModelAndTokenizer make_model(const BackboneOptions& options, int num_labels,
                             const std::string& problem_type, std::uint64_t seed,
                             std::span<const std::string> texts);

/// A folder that AutoModelForSequenceClassification (AutoModel for two towers, train/towers.hpp)
/// and AutoTokenizer open: config.json, model.safetensors, tokenizer files. Written to a temporary
/// name and renamed. Throws Error(Io).
void save_model(Model& model, const Tokenizer& tokenizer, const Path& folder);

/// Reads back what save_model wrote, classification layer included.
ModelAndTokenizer load_model(const Path& folder);

struct ModelSize {
  std::int64_t parameters = 0;        ///< all of them
  std::int64_t trainable_layers = 0;  ///< depth
};
ModelSize model_size(Model& model);

}  // namespace tutti
