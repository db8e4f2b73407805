#include "tutti/data/tokenizers/post_processor.hpp"

#include <algorithm>
#include <utility>

namespace tutti::tokenizers {

using What = TemplatePiece::What;

PostProcessor::PostProcessor()
    : PostProcessor({{What::First, -1, 0}}, {{What::First, -1, 0}, {What::Second, -1, 1}}) {}

PostProcessor::PostProcessor(std::vector<TemplatePiece> single, std::vector<TemplatePiece> pair)
    : single_(std::move(single)), pair_(std::move(pair)) {}

std::int32_t PostProcessor::added(bool pair) const {
  const auto& pieces = pair ? pair_ : single_;
  return static_cast<std::int32_t>(
      std::count_if(pieces.begin(), pieces.end(),
                    [](const TemplatePiece& piece) { return piece.what == What::Special; }));
}

TokenId PostProcessor::largest_id() const {
  TokenId largest = -1;
  for (const auto* pieces : {&single_, &pair_}) {
    for (const TemplatePiece& piece : *pieces) largest = std::max(largest, piece.id);
  }
  return largest;
}

Encoding PostProcessor::build(const std::vector<TokenId>& first,
                              const std::vector<TokenId>* second) const {
  Encoding out;
  const auto& pieces = second == nullptr ? single_ : pair_;
  const std::size_t size = first.size() + (second == nullptr ? 0 : second->size()) + pieces.size();
  out.ids.reserve(size);
  out.types.reserve(size);
  for (const TemplatePiece& piece : pieces) {
    if (piece.what == What::Special) {
      out.ids.push_back(piece.id);
    } else {
      const auto& text = piece.what == What::First ? first : *second;
      out.ids.insert(out.ids.end(), text.begin(), text.end());
    }
    out.types.resize(out.ids.size(), piece.type);
  }
  return out;
}

void truncate_longest_first(std::vector<TokenId>& first, std::vector<TokenId>& second,
                            std::size_t room) {
  if (first.size() + second.size() <= room) return;
  std::vector<TokenId>& shorter = first.size() <= second.size() ? first : second;
  std::vector<TokenId>& longer = first.size() <= second.size() ? second : first;
  std::size_t few = std::min(shorter.size(), room / 2);
  // Of two long texts the longer gets the odd token; of two equal ones the second.
  shorter.resize(few);
  longer.resize(room - few);
}

}  // namespace tutti::tokenizers
