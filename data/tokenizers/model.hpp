#pragma once

#include "tutti/data/tokenizer.hpp"
#include "tutti/data/tokenizers/string_table.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tutti::tokenizers {

/// Splits one pre-token into vocabulary ids. Immutable: one object serves many threads.
class WordModel {
 public:
  virtual ~WordModel() = default;
  virtual void split(std::string_view word, std::vector<TokenId>& out) const = 0;
};

struct WordPieceOptions {
  TokenId unknown = -1;                  ///< required
  std::string continuing_prefix = "##";  ///< begins a token that goes on inside a word
  std::size_t max_chars = 100;           ///< a longer word is unknown
};

/// Greedy longest match (Wu et al. 2016, as in BERT). `tokens` is [id].
std::unique_ptr<WordModel> make_wordpiece(const std::vector<std::string>& tokens,
                                          const WordPieceOptions& options);

struct Merge {
  TokenId left;
  TokenId right;
  TokenId merged;
};

struct BpeOptions {
  TokenId unknown = -1;        ///< for a byte that has no token; -1 drops the byte
  bool fuse_unknown = false;   ///< a run of unknown bytes is one unknown token
  bool ignore_merges = false;  ///< a word that is a token is that token, whatever the merges say
};

/// Byte-level BPE (Sennrich et al. 2016). `tokens` is [id], written in GPT-2's byte alphabet;
/// `merges` in order of rank. Words are raw bytes.
std::unique_ptr<WordModel> make_bpe(const std::vector<std::string>& tokens,
                                    const std::vector<Merge>& merges, const BpeOptions& options);

/// GPT-2's byte alphabet: each byte as a printable character. The inverse answers false for a text
/// that holds anything else.
std::string to_byte_alphabet(std::string_view bytes);
bool from_byte_alphabet(std::string_view text, std::string& bytes);

}  // namespace tutti::tokenizers
