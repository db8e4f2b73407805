#pragma once

#include "tutti/data/tokenizer.hpp"

#include <cstdint>
#include <vector>

namespace tutti::tokenizers {

/// One place of a template: a text, or a special token.
struct TemplatePiece {
  enum class What { First, Second, Special } what = What::First;
  TokenId id = -1;  ///< of What::Special
  std::int32_t type = 0;
};

/// Puts special tokens around one text or two. Without any: the texts one after the other.
class PostProcessor {
 public:
  PostProcessor();
  /// `single` holds First once; `pair` First and Second once.
  PostProcessor(std::vector<TemplatePiece> single, std::vector<TemplatePiece> pair);

  /// How many special tokens are put.
  [[nodiscard]] std::int32_t added(bool pair) const;
  /// The largest id of a special token, -1 without any.
  [[nodiscard]] TokenId largest_id() const;
  /// `second` is nullptr for a single text.
  [[nodiscard]] Encoding build(const std::vector<TokenId>& first,
                               const std::vector<TokenId>* second) const;

 private:
  std::vector<TemplatePiece> single_;
  std::vector<TemplatePiece> pair_;
};

/// Cuts two texts to `room` tokens together, longest first: the shorter one keeps its tokens while
/// it has less than half of the room; of an odd room the longer one gets the odd token. (As
/// Hugging Face `tokenizers` does at once, not token by token.)
void truncate_longest_first(std::vector<TokenId>& first, std::vector<TokenId>& second,
                            std::size_t room);

}  // namespace tutti::tokenizers
