#pragma once

#include "tutti/data/files.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tutti {

using TokenId = std::int32_t;

/// Ids of the tokens that mean something to a model; -1 where the vocabulary has none.
struct SpecialTokens {
  TokenId pad = -1;
  TokenId unknown = -1;
  TokenId begin = -1;  ///< [CLS] or <bos>
  TokenId end = -1;    ///< [SEP] or <eos>
  TokenId mask = -1;
};

/// Tokens of one example, special tokens in place.
struct Encoding {
  std::vector<TokenId> ids;
  std::vector<std::int32_t>
      types;  ///< [token] 0 for the first text, 1 for the second (BERT segments)
};

/// Text to token ids. Immutable: one object serves many threads.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// Appends the ids of `utf8` without special tokens, as `tokenizers` does with
  /// add_special_tokens=False. Broken UTF-8 counts as U+FFFD.
  virtual void encode(std::string_view utf8, std::vector<TokenId>& out) const = 0;

  /// With special tokens as the tokenizer's post-processor sets them, cut to `max_length`
  /// longest-first, as `tokenizer(text, pair, truncation=True, max_length=...)`. An empty `pair`
  /// means a single text.
  [[nodiscard]] virtual Encoding encode_pair(std::string_view text, std::string_view pair,
                                             std::int32_t max_length) const = 0;

  [[nodiscard]] virtual std::int32_t vocab_size() const noexcept = 0;
  [[nodiscard]] virtual const SpecialTokens& special() const noexcept = 0;
  /// The vocabulary's text of a token.
  [[nodiscard]] virtual std::string token(TokenId id) const = 0;
  /// A SHA-256 over vocabulary and rules: members with equal digests share their tokens.
  [[nodiscard]] virtual std::string digest() const = 0;
  /// Writes tokenizer.json, tokenizer_config.json and vocabulary files, so that AutoTokenizer opens
  /// `folder`.
  virtual void save(const Path& folder) const = 0;
};

/// Reads `folder`/tokenizer.json, else vocab.txt (WordPiece), else vocab.json + merges.txt (BPE).
/// Throws Error(Data) naming file and line for a vocabulary that is broken, Error(Io) for a missing
/// one.
std::unique_ptr<Tokenizer> load_tokenizer(const Path& folder);

/// Learns a byte-level BPE vocabulary of at most `vocab_size` tokens (256 bytes, <pad>, <eos>,
/// <unk> included) from `texts`. Deterministic: ties go to the pair that is smaller as text.
/// (Sennrich, Haddow, Birch 2016, on bytes as in GPT-2.)
std::unique_ptr<Tokenizer> train_bpe(std::span<const std::string> texts, std::int32_t vocab_size);

}  // namespace tutti
