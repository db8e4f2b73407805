#pragma once

#include "tutti/data/tokenizer.hpp"
#include "tutti/data/tokenizers/normalizer.hpp"

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace tutti::tokenizers {

/// A token that is looked for in the text before the text is cut into words.
struct AddedToken {
  std::string text;
  TokenId id = -1;
  bool special = false;
  bool normalized = false;   ///< looked for in the normalised text
  bool single_word = false;  ///< only where no word character is beside it
  bool left_strip = false;   ///< takes the white space before it
  bool right_strip = false;  ///< takes the white space behind it
};

/// A piece of text, or the added token that stands there (id >= 0).
struct Stretch {
  std::string_view text;
  TokenId id = -1;
};

/// Finds added tokens: leftmost, then longest. Immutable.
class AddedTokens {
 public:
  AddedTokens() = default;
  /// `tokens` of one kind (all normalized or none), their texts as they are looked for.
  explicit AddedTokens(std::vector<AddedToken> tokens);

  /// Appends the stretches of `text` in order, without empty ones.
  void find(std::string_view text, std::vector<Stretch>& out) const;

 private:
  [[nodiscard]] const AddedToken* match(std::string_view rest) const;

  std::vector<AddedToken> tokens_;
  std::array<std::vector<std::size_t>, 256> by_first_byte_;  ///< longest first
};

}  // namespace tutti::tokenizers
