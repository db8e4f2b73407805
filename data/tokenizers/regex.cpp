#include "tutti/data/tokenizers/regex.hpp"

#include "tutti/data/tokenizers/regex_parser.hpp"
#include "tutti/data/unicode.hpp"

#include <unicode/uchar.h>

#include <algorithm>

namespace tutti::tokenizers {

namespace {

using Node = Regex::Node;
constexpr std::size_t kNone = Regex::kNone;

bool member_has(const Regex::Member& member, char32_t c) {
  bool hit = false;
  if (member.properties == 0 && member.categories == 0) {
    hit = member.first <= c && c <= member.last;
  } else {
    hit = (unicode::properties(c) & member.properties) != 0 ||
          (unicode::category(c) & member.categories) != 0;
  }
  return hit != member.negated;
}

// What is left to match once a branch is at its end.
struct Rest {
  const Regex::Branch* branch;
  std::size_t index;
  const Rest* outer;
};

// The end of the match of all that is left, or kNone. The depth of recursion is bounded by the
// pattern's size, not by the text's: a repeated character is a loop.
std::size_t match(std::string_view text, std::size_t at, Rest rest);

std::size_t match_any(std::string_view text, std::size_t at,
                      const std::vector<Regex::Branch>& branches, const Rest* outer) {
  for (const Regex::Branch& branch : branches) {
    const std::size_t end = match(text, at, {&branch, 0, outer});
    if (end != kNone) return end;
  }
  return kNone;
}

std::size_t match_character(std::string_view text, std::size_t at, const Node& node,
                            const Rest& after) {
  const std::size_t begin = at;
  std::size_t count = 0;
  std::size_t least_end = node.least == 0 ? at : kNone;
  while (count < node.most && at < text.size()) {
    std::size_t next = at;
    if (!node.set.has(unicode::next(text, next))) break;
    at = next;
    count += 1;
    if (count == node.least) least_end = at;
  }
  if (least_end == kNone) return kNone;
  for (;;) {
    const std::size_t end = match(text, at, after);
    if (end != kNone || node.possessive || at <= least_end || at <= begin) return end;
    do {
      at -= 1;
    } while ((static_cast<unsigned char>(text[at]) & 0xc0) == 0x80);
  }
}

std::size_t match(std::string_view text, std::size_t at, Rest rest) {
  while (rest.index == rest.branch->size()) {
    if (rest.outer == nullptr) return at;
    rest = *rest.outer;
  }
  const Node& node = (*rest.branch)[rest.index];
  const Rest after{rest.branch, rest.index + 1, rest.outer};
  switch (node.kind) {
    case Node::Kind::Character:
      return match_character(text, at, node, after);
    case Node::Kind::Group: {
      const std::size_t end = match_any(text, at, node.branches, &after);
      return end == kNone && node.least == 0 ? match(text, at, after) : end;
    }
    case Node::Kind::Ahead:
    case Node::Kind::NotAhead: {
      const bool found = match_any(text, at, node.branches, nullptr) != kNone;
      return found == (node.kind == Node::Kind::Ahead) ? match(text, at, after) : kNone;
    }
  }
  return kNone;
}

}  // namespace

bool Regex::Set::derive(char32_t c) const {
  const auto any = [this](char32_t each) {
    return std::any_of(members.begin(), members.end(),
                       [each](const Member& member) { return member_has(member, each); });
  };
  bool hit = any(c);
  if (!hit && fold_case) {
    const auto icu = static_cast<UChar32>(c);
    const UChar32 folded = u_foldCase(icu, U_FOLD_CASE_DEFAULT);
    hit = any(static_cast<char32_t>(folded)) || any(static_cast<char32_t>(u_toupper(folded)));
  }
  return hit != negated;
}

Regex::Regex(std::string_view pattern, const std::string& where)
    : branches_(parse_regex(pattern, where)) {}

std::pair<std::size_t, std::size_t> Regex::find(std::string_view utf8, std::size_t from) const {
  while (from < utf8.size()) {
    const std::size_t end = match_any(utf8, from, branches_, nullptr);
    if (end != kNone && end > from) return {from, end};  // an empty match cuts nothing
    unicode::next(utf8, from);
  }
  return {kNone, kNone};
}

}  // namespace tutti::tokenizers
