#pragma once

#include "tutti/data/batch.hpp"
#include "tutti/data/error.hpp"
#include "tutti/train/communicator.hpp"
#include "tutti/train/head.hpp"
#include "tutti/train/model.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace tutti {

struct TrainOptions {
  std::uint64_t seed = 42;
  double epochs = 3;
  std::int64_t max_steps = 0;        ///< at most so many steps; 0: what epochs give
  std::int64_t batch_tokens = 4096;  ///< tokens in a global batch: over all ranks and micro-batches
  std::int64_t batch_examples =
      0;  ///< instead of batch_tokens when not 0: examples in a global batch
  std::int64_t micro_batch_tokens =
      0;  ///< at most so many tokens in one forward pass of one rank; 0: the rank's whole share
  std::string optimizer = "adamw";  ///< adamw | adam
  double learning_rate = 5e-5;
  double weight_decay = 0.01;  ///< not on biases and norms
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  std::string schedule = "linear";  ///< constant | linear | cosine: after warm-up
  double warmup = 0.06;             ///< fraction of the steps
  double clip = 1.0;                ///< global gradient norm; 0: none
  std::string precision = "fp32";   ///< fp32 | bf16
  int max_length = 128;             ///< tokens an example
  std::string objective = "task";   ///< task | mlm | clm
  double mask = 0.15;               ///< mlm: fraction of tokens that are predicted
  std::int64_t bucket_bytes = std::int64_t{8}
                              << 20;  ///< gradients that ranks sum at once, while backward runs on
  std::string wire = "fp32";          ///< fp32 | bf16: gradients on their way between ranks
  std::string shard = "none";         ///< none | optimizer | gradients | parameters: of which each
                                      ///< rank keeps a part, with all before it (ZeRO 1, 2, 3)
  bool checkpoint_activations = false;  ///< compute each layer again in backward, to keep less
};

/// What a step did; the last one of a run has step == steps.
struct StepReport {
  std::int64_t step = 0;
  std::int64_t steps = 0;
  double epoch = 0;
  double loss = 0;  ///< mean over the global batch
  double learning_rate = 0;
  double gradient_norm = 0;   ///< before clipping
  std::int64_t examples = 0;  ///< in the global batch
  std::int64_t tokens = 0;
  double seconds = 0;                ///< since the last report
  double communication_seconds = 0;  ///< of this rank, while gradients were on their way
  double wait_seconds = 0;           ///< of these, with nothing else left to do
};

/// What one rank holds for training, at most, in bytes. Activations are not in it.
struct TrainingBytes {
  std::int64_t parameters = 0;
  std::int64_t gradients = 0;
  std::int64_t optimizer = 0;
};

struct Trained {
  std::int64_t steps = 0;
  double last_loss = 0;
  TrainingBytes bytes;  ///< of this rank
};

/// One member's failure is a result, not an exception: the ensemble goes on without it.
struct Failed {
  Error reason;
  std::int64_t step = 0;
};

using MemberOutcome = std::variant<Trained, Failed>;

/// Fine-tunes `model` in place. Collective over `group`; every rank passes the same examples, model
/// bits and options.
///
/// Global batches are formed from (seed, epoch, lengths) alone; each rank takes its share by
/// tokens, gradients are summed over the group. Losses agree between world sizes to what the order
/// of fp32 sums explains. `on_step` is called on rank 0 of the group after every step; what it
/// throws is thrown on every rank, as an Error, before the next update. A non-finite loss or
/// gradient ends with Failed, the weights as before that step. Throws Error(Resumable) when the
/// group breaks; all else that goes wrong is a Failed, the same on every rank.
MemberOutcome train(Communicator& group, Model& model, const Head& head,
                    std::span<const Tokens> examples, const TrainOptions& options,
                    const std::function<void(const StepReport&)>& on_step);

/// Pre-training on texts (objective mlm or clm; no head), same contract.
MemberOutcome pretrain(Communicator& group, Model& model, const Tokenizer& tokenizer,
                       std::span<const Tokens> texts, const TrainOptions& options,
                       const std::function<void(const StepReport&)>& on_step);

/// Logits [examples][num_labels] of all examples, in their order, on every rank of the group.
/// Collective: each rank scores its share. Batches are formed from the lengths alone, so that the
/// bits do not depend on the world size.
std::vector<float> predict(Communicator& group, Model& model, std::span<const Tokens> examples,
                           std::int64_t batch_tokens, bool bf16);

/// How many steps `train` will take; `by_user` as Head::groups_by_user has it.
std::int64_t count_steps(std::span<const Tokens> examples, const TrainOptions& options,
                         bool by_user = false);

}  // namespace tutti
