#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tutti {

/// Examples of two texts each (two-tower): what is encoded once for all examples that show it.
struct TextShapes {
  std::vector<std::int32_t> user_text;  ///< [example] which text
  std::vector<std::int32_t> item_text;  ///< [example]
  std::vector<std::int32_t> lengths;    ///< [text] tokens
};

/// Lengths and users of examples, by index: all that batches are formed from.
struct ExampleShapes {
  std::vector<std::int32_t> lengths;  ///< [example] tokens, each >= 1
  std::vector<std::int32_t>
      users;           ///< [example], or empty: else a user's examples of a batch stay together
  TextShapes texts{};  ///< of examples of two texts each, else empty: batches count each text once
};

struct BatchingOptions {
  std::uint64_t seed = 0;
  std::uint64_t epoch = 0;
  std::int64_t batch_tokens =
      4096;                         ///< at most so many tokens in a batch, but one example at least
  std::int64_t batch_examples = 0;  ///< instead, when not 0: so many examples
};

/// Indices of examples. A user's examples lie side by side where batches go by user.
using IndexBatch = std::vector<std::int32_t>;

/// The global batches of one epoch, in the order of training; every example is in one of them.
///
/// Shuffled by (seed, epoch), sorted by length within windows of 32 batches, cut, and the batches
/// shuffled: a batch holds few lengths, and an epoch mixes them. Knows no rank.
/// With users (or with texts: a user's text in their place), the unit is not an example but a
/// user's examples, cut into pieces of about an eighth of a batch: a user with a long history
/// neither fills a batch alone nor idles the other ranks.
std::vector<IndexBatch> form_batches(const ExampleShapes& shapes, const BatchingOptions& options);

/// The part of a global batch that a rank computes: contiguous, near total tokens / world_size,
/// perhaps empty. The shares of all ranks are the batch. With users, a user is on one rank; with
/// texts, a user's text.
std::span<const std::int32_t> share_of_rank(const ExampleShapes& shapes,
                                            std::span<const std::int32_t> batch, int rank,
                                            int world_size);

/// A share cut into pieces of at most `tokens` tokens (0: one piece), but one unit (an example, or
/// a user's examples) at least; as even as units allow. Nothing for an empty share.
std::vector<std::span<const std::int32_t>> micro_batches(const ExampleShapes& shapes,
                                                         std::span<const std::int32_t> share,
                                                         std::int64_t tokens);

/// Tokens that a model reads for these examples: with texts, of each text once.
std::int64_t tokens_to_read(const ExampleShapes& shapes, std::span<const std::int32_t> examples);

/// Batches for scoring: sorted by length (then index), at most `tokens` tokens each, but one
/// example at least.
std::vector<IndexBatch> form_scoring_batches(std::span<const std::int32_t> lengths,
                                             std::int64_t tokens);

/// How many batches `epochs` epochs give: whole epochs, and of the last one, where `epochs` has a
/// fraction, that part of its batches (rounded up); but `limit` at most. `batches_of` gives the
/// count of an epoch, and is asked no further than needed.
template <class BatchesOf>
std::int64_t count_batches(double epochs, std::int64_t limit, BatchesOf batches_of) {
  std::int64_t steps = 0;
  std::uint64_t epoch = 0;
  for (double left = epochs; left > 1e-9 && steps < limit; left -= 1.0, ++epoch) {
    const auto batches = static_cast<double>(batches_of(epoch));
    const double part = left < 1.0 ? left * batches : batches;
    const auto whole = static_cast<std::int64_t>(part);
    steps += whole + (part - static_cast<double>(whole) > 1e-6 ? 1 : 0);
  }
  return steps < limit ? steps : limit;
}

}  // namespace tutti
