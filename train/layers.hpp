#pragma once

#include "tutti/data/batch.hpp"
#include "tutti/train/model.hpp"

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tutti {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// The first value of a parameter, from a stream of its own name: biases 0, norms 1, all else
/// normal with deviation 0.02 (transformers' initializer_range). What other parameters a model has
/// does not matter.
void draw_initial(const std::string& name, at::Tensor& value, std::uint64_t seed);

/// The parameters of a model while it is put together: fp32, with gradients, in order of creation.
/// Without a seed their values are not set.
class Parameters {
 public:
  explicit Parameters(std::optional<std::uint64_t> seed) : seed_(seed) {}
  at::Tensor make(const std::string& name, at::IntArrayRef shape);
  [[nodiscard]] const NamedTensors& all() const noexcept { return all_; }

 private:
  std::optional<std::uint64_t> seed_;
  NamedTensors all_;
};

/// A weight and perhaps a bias.
struct Affine {
  at::Tensor weight;
  at::Tensor bias;  ///< may be undefined
};

/// What a batch is to a model: ids and places on the model's device, and its runs of consecutive
/// examples of equal length, which share an attention call.
struct Layout {
  struct Run {
    std::int64_t first = 0;   ///< example
    std::int64_t count = 0;   ///< examples
    std::int64_t length = 0;  ///< tokens of each
  };
  at::Tensor ids;                    ///< [tokens] int64
  at::Tensor types;                  ///< [tokens] int64
  at::Tensor positions;              ///< [tokens] int64, from 0 in each example
  std::vector<std::int64_t> begins;  ///< [examples + 1] first token of each, and their number
  std::vector<Run> runs;
  std::vector<std::int64_t> run_tokens;  ///< [run] count x length

  /// Tokens of the longest example.
  [[nodiscard]] std::int64_t longest() const;

  /// Throws Error(Data) for an id outside the vocabulary, a token type outside 0 .. types-1 or an
  /// example that is empty or longer than `max_positions`.
  Layout(const Batch& batch, const at::Device& device, std::int64_t vocab_size,
         std::int64_t max_positions, std::int64_t type_count);
};

/// One token of each example: all that a classifier reads of the last layer, so that nothing but
/// keys and values needs to be computed there for the others.
struct Chosen {
  at::Tensor rows;                      ///< [examples] flat indices, int64
  std::vector<std::int64_t> positions;  ///< [example] in its example

  /// x [tokens, features] -> [examples, features]; x itself where nothing is chosen.
  static at::Tensor of(const at::Tensor& x, const Chosen* chosen) {
    return chosen == nullptr ? x : x.index_select(0, chosen->rows);
  }
  /// Its own, for a layer that may run again later.
  static std::optional<Chosen> copy(const Chosen* chosen) {
    return chosen == nullptr ? std::nullopt : std::optional(*chosen);
  }
  static const std::vector<std::int64_t>* places(const Chosen* chosen) {
    return chosen == nullptr ? nullptr : &chosen->positions;
  }
};

/// The first token of each example.
Chosen first_tokens(const Batch& batch, const at::Device& device);
/// The last one that is not `pad_id`, as transformers pools decoders; `pad_id` < 0: the last.
Chosen last_tokens(const Batch& batch, std::int64_t pad_id, const at::Device& device);

/// x [n, in] times weight [out, in] transposed, plus bias; bf16 in and out when `bf16`.
at::Tensor linear(const at::Tensor& x, const Affine& layer, bool bf16);
/// x [n, in] times weight [in, out] plus bias: GPT-2 keeps its weights so.
at::Tensor linear_transposed(const at::Tensor& x, const Affine& layer, bool bf16);
/// fp32 whatever x is.
at::Tensor layer_norm(const at::Tensor& x, const Affine& layer, double epsilon);

/// Several layers as one: their weights and biases side by side.
Affine together(const std::vector<Affine>& layers);

/// An activation function by its transformers name. Throws Error(Data) for an unknown one.
using Activation = at::Tensor (*)(const at::Tensor&);
Activation activation_by_name(const std::string& name);

/// Host integers as an int64 tensor on `device`.
at::Tensor index_tensor(const std::vector<std::int64_t>& values, const at::Device& device);

}  // namespace tutti
