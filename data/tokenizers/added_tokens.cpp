#include "tutti/data/tokenizers/added_tokens.hpp"

#include "tutti/data/unicode.hpp"

#include <algorithm>
#include <utility>

namespace tutti::tokenizers {

namespace {

// Where the last character of a text begins.
std::size_t last_character(std::string_view text) {
  std::size_t at = text.size() - 1;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) at -= 1;
  return at;
}

bool has(std::string_view text, std::size_t at, unicode::Property what) {
  return (unicode::properties(unicode::next(text, at)) & what) != 0;
}

std::size_t spaces_at_end(std::string_view text) {
  std::size_t begin = text.size();
  while (begin > 0) {
    const std::size_t at = last_character(text.substr(0, begin));
    if (!has(text, at, unicode::Space)) break;
    begin = at;
  }
  return begin;
}

std::size_t spaces_at_begin(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size()) {
    std::size_t at = end;
    if ((unicode::properties(unicode::next(text, at)) & unicode::Space) == 0) break;
    end = at;
  }
  return end;
}

bool stands_alone(std::string_view text, std::size_t begin, std::size_t end) {
  const bool word_before =
      begin > 0 && has(text, last_character(text.substr(0, begin)), unicode::WordPart);
  const bool word_behind = end < text.size() && has(text, end, unicode::WordPart);
  return !word_before && !word_behind;
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  for (std::size_t t = 0; t < tokens_.size(); ++t) {
    if (tokens_[t].text.empty()) continue;
    by_first_byte_[static_cast<unsigned char>(tokens_[t].text[0])].push_back(t);
  }
  for (auto& group : by_first_byte_) {
    std::stable_sort(group.begin(), group.end(), [this](std::size_t a, std::size_t b) {
      return tokens_[a].text.size() > tokens_[b].text.size();
    });
  }
}

const AddedToken* AddedTokens::match(std::string_view rest) const {
  for (const std::size_t t : by_first_byte_[static_cast<unsigned char>(rest[0])]) {
    if (rest.starts_with(tokens_[t].text)) return &tokens_[t];
  }
  return nullptr;
}

void AddedTokens::find(std::string_view text, std::vector<Stretch>& out) const {
  std::size_t done = 0;
  for (std::size_t at = 0; at < text.size() && !tokens_.empty();) {
    const AddedToken* token = match(text.substr(at));
    if (token == nullptr) {
      at += 1;
      continue;
    }
    std::size_t begin = at;
    std::size_t end = at + token->text.size();
    at = end;
    if (token->single_word && !stands_alone(text, begin, end)) continue;
    if (token->left_strip) begin = std::max(spaces_at_end(text.substr(0, begin)), done);
    if (token->right_strip) end += spaces_at_begin(text.substr(end));
    if (done < begin) out.push_back({text.substr(done, begin - done), -1});
    out.push_back({text.substr(begin, end - begin), token->id});
    done = end;
  }
  if (done < text.size()) out.push_back({text.substr(done), -1});
}

}  // namespace tutti::tokenizers
