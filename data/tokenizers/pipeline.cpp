#include "tutti/data/tokenizers/pipeline.hpp"

#include "tutti/data/error.hpp"
#include "tutti/data/unicode.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace tutti::tokenizers {

namespace {

class PipelineTokenizer final : public Tokenizer {
 public:
  explicit PipelineTokenizer(Pipeline parts) : parts_(std::move(parts)) {}

  void encode(std::string_view utf8, std::vector<TokenId>& out) const override {
    encode_some(utf8, std::numeric_limits<std::size_t>::max(), out);
  }

  [[nodiscard]] Encoding encode_pair(std::string_view text, std::string_view pair,
                                     std::int32_t max_length) const override {
    const bool two = !pair.empty();
    const std::int32_t added = parts_.post.added(two);
    if (max_length < added) {
      throw Error(Code::Config,
                  "max_length is " + std::to_string(max_length) + ", but " + std::to_string(added) +
                      " special tokens are put around a text",
                  "raise max_length");
    }
    // Tokens beyond the room need not be made, unless an odd token goes to the longer of two texts.
    const auto room = static_cast<std::size_t>(max_length - added);
    const bool compare = two && room % 2 == 1;
    std::vector<TokenId> first;
    encode_some(text, compare ? std::numeric_limits<std::size_t>::max() : room, first);
    if (!two) {
      first.resize(std::min(first.size(), room));
      return parts_.post.build(first, nullptr);
    }
    std::vector<TokenId> second;
    encode_some(pair, std::max(room, first.size()), second);
    truncate_longest_first(first, second, room);
    return parts_.post.build(first, &second);
  }

  [[nodiscard]] std::int32_t vocab_size() const noexcept override {
    return static_cast<std::int32_t>(parts_.tokens.size());
  }
  [[nodiscard]] const SpecialTokens& special() const noexcept override { return parts_.special; }
  [[nodiscard]] std::string token(TokenId id) const override {
    TUTTI_ASSERT(id >= 0 && id < vocab_size(), "token id out of range");
    return parts_.tokens[static_cast<std::size_t>(id)];
  }
  [[nodiscard]] std::string digest() const override { return parts_.digest; }

  void save(const Path& folder) const override {
    make_folder(folder);
    for (const auto& [name, bytes] : parts_.files) write_file(folder / name, bytes);
  }

 private:
  // Stops once `out` has more than `enough` tokens.
  void encode_some(std::string_view utf8, std::size_t enough, std::vector<TokenId>& out) const {
    std::string repaired;
    if (!unicode::is_valid(utf8)) {
      repaired = unicode::repair(utf8);
      utf8 = repaired;
    }
    std::vector<Stretch> stretches;
    std::vector<Stretch> inner;
    std::string scratch;
    Pieces pieces;
    parts_.raw_added.find(utf8, stretches);
    for (const Stretch& stretch : stretches) {
      if (out.size() > enough) return;
      if (stretch.id >= 0) {
        out.push_back(stretch.id);
        continue;
      }
      inner.clear();
      parts_.normalized_added.find(parts_.normalizer.apply(stretch.text, scratch), inner);
      for (const Stretch& part : inner) {
        if (part.id >= 0) {
          out.push_back(part.id);
        } else {
          words(part.text, enough, pieces, out);
        }
      }
    }
  }

  void words(std::string_view text, std::size_t enough, Pieces& pieces,
             std::vector<TokenId>& out) const {
    if (!parts_.pre_tokenizer) {
      parts_.model->split(text, out);
      return;
    }
    pieces.list.clear();
    parts_.pre_tokenizer->split(text, pieces);
    for (const std::string_view piece : pieces.list) {
      if (out.size() > enough) return;
      if (!piece.empty()) parts_.model->split(piece, out);
    }
  }

  Pipeline parts_;
};

}  // namespace

std::unique_ptr<Tokenizer> make_tokenizer(Pipeline pipeline) {
  return std::make_unique<PipelineTokenizer>(std::move(pipeline));
}

}  // namespace tutti::tokenizers
