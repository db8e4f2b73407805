#pragma once

#include "tutti/data/batch.hpp"
#include "tutti/data/batching.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace tutti {

/// The distinct texts of examples of two texts each (two-tower), by their token ids: numbered in
/// the order in which they come first. Empty where the examples are one text each. Throws
/// Error(Data) for a text without tokens.
TextShapes find_texts(std::span<const Tokens> examples);

/// Two-tower examples as their distinct texts.
struct SharedBatch {
  Batch texts;                          ///< by length; rows are digests of the ids, so that a
                                        ///< text's dropout mask depends on the text alone
  std::vector<std::int64_t> user_text;  ///< [example] index into texts
  std::vector<std::int64_t> item_text;  ///< [example]
  std::vector<char> is_user;            ///< [text] some example shows it as the user's
};

/// `share` false: the texts of every example apart, twice as many as examples: the plain way, which
/// tests and benchmarks compare with.
SharedBatch share_texts(const Batch& batch, bool share = true);
SharedBatch share_texts(std::span<const Tokens> examples);

/// Appends text `text` of `from`, a batch of single texts of type 0.
void append_text(Batch& to, const Batch& from, std::size_t text);

}  // namespace tutti
