#include "tutti/data/error.hpp"
#include "tutti/data/tokenizers/model.hpp"
#include "tutti/data/unicode.hpp"

#include <algorithm>

namespace tutti::tokenizers {

namespace {

class WordPiece final : public WordModel {
 public:
  WordPiece(const std::vector<std::string>& tokens, const WordPieceOptions& options)
      : options_(options), begins_(tokens.size()), goes_on_(tokens.size()) {
    TUTTI_ASSERT(options.unknown >= 0, "WordPiece needs an unknown token");
    const std::string& prefix = options.continuing_prefix;
    for (std::size_t id = 0; id < tokens.size(); ++id) {
      if (tokens[id].empty()) continue;  // an id of an added token
      begins_.insert(tokens[id], static_cast<TokenId>(id));
      longest_ = std::max(longest_, tokens[id].size());
      if (tokens[id].compare(0, prefix.size(), prefix) == 0) {
        goes_on_.insert(std::string_view(tokens[id]).substr(prefix.size()),
                        static_cast<TokenId>(id));
      }
    }
  }

  void split(std::string_view word, std::vector<TokenId>& out) const override {
    if (word.size() > options_.max_chars && unicode::length(word) > options_.max_chars) {
      out.push_back(options_.unknown);
      return;
    }
    const TokenId whole = begins_.find(word);
    if (whole >= 0) {
      out.push_back(whole);
      return;
    }
    const std::size_t before = out.size();
    std::vector<std::uint64_t> hashes(std::min(word.size(), longest_));
    for (std::size_t at = 0; at < word.size();) {
      const std::string_view rest = word.substr(at);
      const Found found = longest(at == 0 ? begins_ : goes_on_, rest, hashes);
      if (found.id < 0) {  // one piece unknown makes the word unknown
        out.resize(before);
        out.push_back(options_.unknown);
        return;
      }
      out.push_back(found.id);
      at += found.size;
    }
  }

 private:
  struct Found {
    TokenId id;
    std::size_t size;
  };

  static Found longest(const StringTable& table, std::string_view rest,
                       std::vector<std::uint64_t>& hashes) {
    const std::size_t most = std::min(rest.size(), hashes.size());
    std::uint64_t hash = kEmptyHash;
    for (std::size_t i = 0; i < most; ++i) hashes[i] = hash = hash_step(hash, rest[i]);
    // A cut inside a character finds nothing: tokens are whole characters.
    for (std::size_t size = most; size > 0; --size) {
      const TokenId id = table.find(rest.substr(0, size), hashes[size - 1]);
      if (id >= 0) return {id, size};
    }
    return {-1, 0};
  }

  WordPieceOptions options_;
  StringTable begins_;
  StringTable goes_on_;
  std::size_t longest_ = 0;
};

}  // namespace

std::unique_ptr<WordModel> make_wordpiece(const std::vector<std::string>& tokens,
                                          const WordPieceOptions& options) {
  return std::make_unique<WordPiece>(tokens, options);
}

}  // namespace tutti::tokenizers
