#pragma once

#include "tutti/train/model.hpp"

#include <cstdint>
#include <memory>
#include <optional>

namespace tutti {

struct TowerOptions {
  int size = 128;       ///< of the two vectors whose product is the score
  int cache_steps = 0;  ///< training: an item's encoding serves, without gradient, for so many
                        ///< steps after the one that made it; 0: every step encodes every item anew
  bool share = true;    ///< false: every example's texts are encoded for it alone: the plain way,
                        ///< for tests and benchmarks
};

/// What stands for the user's side of an example that has no text.
inline constexpr const char* kNoUserText = "new user";

/// A model that reads user and item apart, with one backbone for both (Huang et al. 2013, DSSM;
/// Reimers and Gurevych 2019, with shared weights):
///
///     u = user.weight m(user text) + user.bias        m: mean of the last layer over all tokens
///     v = item.weight m(item text) + item.bias        u, v [size]
///     logits = scale (u . v) / sqrt(size) + bias      scale, bias [num_labels]
///
/// Each distinct text of a batch is encoded once, whatever number of examples show it; the sum of
/// their gradients goes back through it, so that loss and gradients are those of encoding it for
/// each. Dropout masks belong to the text (and the step), not to the example. The backbone's own
/// classification layer is not used.
///
/// With cache_steps, what an item's vector is depends on the steps before, and so on the number of
/// ranks; without, on neither.
///
/// Its folder opens with transformers' AutoModel (the backbone), and has towers.safetensors (the
/// six tensors above) and towers.json (size, num_labels, formula) beside. Without a seed the six
/// are left unset.
std::unique_ptr<Model> make_two_tower(std::unique_ptr<Model> backbone, int num_labels,
                                      const TowerOptions& options,
                                      std::optional<std::uint64_t> seed);

}  // namespace tutti
