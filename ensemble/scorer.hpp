#pragma once

#include "tutti/data/batch.hpp"
#include "tutti/data/dataset.hpp"
#include "tutti/data/predictions.hpp"
#include "tutti/data/store.hpp"
#include "tutti/data/tokenizer.hpp"
#include "tutti/train/communicator.hpp"
#include "tutti/train/head.hpp"
#include "tutti/train/model.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace tutti {

/// The texts of `examples` as tokens, in their order; an example without a user's side is a single
/// text.
std::vector<Tokens> tokenise(const Dataset& examples, const Tokenizer& tokenizer,
                             std::int32_t max_length);

/// The same for two towers: each side a text of its own, at most `max_length` tokens each, a user's
/// side that is empty as kNoUserText. Each distinct text is tokenised once.
std::vector<Tokens> tokenise_apart(const Dataset& examples, const Tokenizer& tokenizer,
                                   std::int32_t max_length);

/// In the form that `model` reads.
std::vector<Tokens> tokenise_for(Model& model, const Dataset& examples, const Tokenizer& tokenizer,
                                 std::int32_t max_length);

/// How a model is run to score.
struct ScoringOptions {
  std::int64_t batch_tokens = 8192;
  bool bf16 = false;
};

/// Logits and scores of examples, in their order. Collective over `group`: every rank gets all of
/// them, with the same bits at any number of ranks.
PredictionSet predict_set(Communicator& group, Model& model, const Head& head, const Store& store,
                          std::span<const Tokens> examples, const ScoringOptions& options);

}  // namespace tutti
