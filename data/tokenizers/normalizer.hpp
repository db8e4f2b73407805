#pragma once

#include "tutti/data/unicode.hpp"

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace tutti::tokenizers {

/// One step of what happens to a text before it is cut into words.
struct NormalizerStep {
  enum class Kind { Bert, Lowercase, StripAccents, Unicode } kind = Kind::Bert;
  unicode::Form form = unicode::Form::Nfc;  ///< of Kind::Unicode
  bool clean_text = false;                  ///< these four of Kind::Bert
  bool chinese = false;
  bool strip_accents = false;
  bool lowercase = false;
};

/// Steps in order. Immutable.
class Normalizer {
 public:
  explicit Normalizer(std::vector<NormalizerStep> steps = {});

  /// The normalised text: `text` itself when no step changes anything, else a view of `scratch`.
  /// `text` is valid UTF-8 and not in `scratch`.
  [[nodiscard]] std::string_view apply(std::string_view text, std::string& scratch) const;

 private:
  std::vector<NormalizerStep> steps_;
  std::array<std::int16_t, 128> ascii_{};  ///< what all steps make of an ASCII byte; -1 removes it
  bool ascii_same_ = true;
};

}  // namespace tutti::tokenizers
