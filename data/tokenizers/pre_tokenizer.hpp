#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tutti::tokenizers {

/// What becomes of a separator (Hugging Face's SplitDelimiterBehavior).
enum class Separator { Removed, Isolated, WithPrevious, WithNext, Contiguous };

/// The pieces of a text, and the texts that had to be made anew for them.
struct Pieces {
  std::vector<std::string_view> list;
  std::deque<std::string> owned;
};

/// One step of cutting a text into words. Immutable: one object serves many threads.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  /// Appends the pieces of `text`, which is valid UTF-8 and not empty. Pieces may be empty.
  virtual void split(std::string_view text, Pieces& out) const = 0;
};

/// BERT: white space removed, punctuation alone.
std::unique_ptr<PreTokenizer> make_bert_splitter();
/// Digits (Rust's is_numeric) cut off from the rest; each by itself, or a run together.
std::unique_ptr<PreTokenizer> make_digit_splitter(bool individual);
/// White space removed, nothing else.
std::unique_ptr<PreTokenizer> make_whitespace_splitter();
/// At each occurrence of a literal text; `invert`: what lies between is the separator.
std::unique_ptr<PreTokenizer> make_literal_splitter(std::string separator, Separator behavior,
                                                    bool invert);
/// At each match of a regular expression (see Regex); errors begin with `where`.
std::unique_ptr<PreTokenizer> make_regex_splitter(std::string_view pattern, Separator behavior,
                                                  bool invert, const std::string& where);
/// GPT-2: contractions, words, numbers and symbols with one leading space, white space. Pieces stay
/// raw bytes. `prefix_space` puts a space before a text that has none; without `words` only that.
std::unique_ptr<PreTokenizer> make_byte_level_splitter(bool prefix_space, bool words);
/// Each step cuts the pieces of the one before.
std::unique_ptr<PreTokenizer> make_sequence(std::vector<std::unique_ptr<PreTokenizer>> steps);

}  // namespace tutti::tokenizers
