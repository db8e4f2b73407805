#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// UTF-8 and the character properties that tokenizers ask for.
///
/// The properties are those of Hugging Face `tokenizers` 0.23 (Rust), which mixes tables of several
/// Unicode versions; each is told apart here by the age of a code point, so that a newer ICU gives
/// the same answers.
namespace tutti::unicode {

/// Bits of `properties`. The number is the Unicode version whose table the Rust side uses.
enum Property : std::uint16_t {
  Letter = 1,           ///< L, 16 (Oniguruma)
  Number = 2,           ///< N, 16 (Oniguruma)
  Space = 4,            ///< White_Space
  Punctuation = 8,      ///< P, 8 (unicode_categories), and ASCII punctuation
  Control = 16,         ///< Cc, Cf, Co, 8, U+FFFD; not tab, line feed, carriage return
  Chinese = 32,         ///< the ideograph blocks of BERT, as `tokenizers` writes them
  Nonspacing = 64,      ///< Mn, 8 (unicode_categories)
  Combining = 128,      ///< M, 9 (unicode-normalization-alignments)
  Numeric = 256,        ///< N, 17 (Rust's char::is_numeric)
  WordPart = 512,       ///< \w of Rust's regex
  RegexWord = 4096,     ///< \w of Oniguruma
  Capital = 1024,       ///< lower-casing changes it
  Decomposable = 2048,  ///< not an inert starter: normalisation may change it
};

/// The bits of a code point.
std::uint16_t properties(char32_t c);
/// Its general category in Unicode 16 (Oniguruma), as one of ICU's U_GC_..._MASK.
std::uint32_t category(char32_t c);

/// The code point at `at`, which moves behind it. `utf8` must be valid (see `repair`).
char32_t next(std::string_view utf8, std::size_t& at);
/// Appends the UTF-8 of `c`.
void append(std::string& utf8, char32_t c);

bool is_ascii(std::string_view bytes);
/// Whether `bytes` is well-formed UTF-8 (no surrogates, no overlong forms).
bool is_valid(std::string_view bytes);
/// `bytes` with each broken part (the longest prefix of a sequence, else one byte) replaced by
/// U+FFFD, as Python's errors="replace".
std::string repair(std::string_view bytes);

enum class Form { Nfc, Nfd, Nfkc, Nfkd };
/// Unicode normalisation as of Unicode 9: younger code points stay as they are.
std::string normalize(Form form, std::string_view utf8);
/// Appends the lower case of `c`, each code point by itself (no final sigma), Unicode 17.
void append_lower(std::string& utf8, char32_t c);

/// The number of code points of valid UTF-8.
std::size_t length(std::string_view utf8);

}  // namespace tutti::unicode
