#pragma once

// Only for the .cpp files of the trainer: this header includes LibTorch.

#include "tutti/data/batch.hpp"
#include "tutti/train/head.hpp"
#include "tutti/train/model.hpp"
#include "tutti/train/optimizer.hpp"
#include "tutti/train/trainer.hpp"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

namespace tutti {

/// The loss of one micro-batch: a sum (a scalar with gradient), and what it is a sum over.
struct SummedLoss {
  double weight = 0;  ///< 0: nothing to learn from here, and `sum` is undefined
  at::Tensor sum;
};

/// What a run minimises.
class Objective {
 public:
  virtual ~Objective() = default;
  [[nodiscard]] virtual bool groups_by_user() const noexcept { return false; }
  [[nodiscard]] virtual NamedTensors parameters(Model& model) const {
    return model.named_parameters();
  }
  /// May change the batch (masking).
  [[nodiscard]] virtual SummedLoss loss(Model& model, Batch& batch, std::uint64_t epoch,
                                        const Pass& pass) const = 0;
};

/// A head's loss on the model's logits. Borrows the head.
std::unique_ptr<Objective> make_task_objective(const Head& head);

/// Cross-entropy of language-model logits, summed over the predicted tokens. "mlm": each ordinary
/// token is predicted with probability `options.mask`, and of those 80 % are replaced by the mask
/// token, 10 % by a random one, 10 % kept (Devlin et al. 2019); drawn by (seed, epoch, row), so
/// that no rank and no batch is in it. "clm": each token but an example's first is predicted.
/// Borrows the tokenizer. Throws Error(Config) for another objective, one that does not fit the
/// model (mlm needs an encoder, clm a decoder), or a tokenizer without mask token.
std::unique_ptr<Objective> make_language_objective(const Model& model, const Tokenizer& tokenizer,
                                                   const TrainOptions& options);

}  // namespace tutti
