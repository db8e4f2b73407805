#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tutti::tokenizers {

/// The regular expressions that Split pre-tokenizers hold: alternatives, groups (plain, (?:...) and
/// (?i:...)), classes, \p{...}, \s \d \w, . and look-ahead; greedy or possessive quantifiers on one
/// character, and ? on a group. Backtracking, leftmost first alternative, as in Oniguruma.
///
/// Characters are those of Unicode 16, as in `unicode::properties` and `unicode::category`.
/// Immutable. Cost for usual patterns: linear in the text.
class Regex {
 public:
  /// Throws Error(Data) beginning with `where` for what it does not support.
  Regex(std::string_view pattern, const std::string& where);

  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  /// The first match at or behind `from` as [begin, end); begin is kNone where there is none.
  [[nodiscard]] std::pair<std::size_t, std::size_t> find(std::string_view utf8,
                                                         std::size_t from) const;

  /// One member of a class. With both masks 0: the range.
  struct Member {
    char32_t first = 0;
    char32_t last = 0;
    std::uint16_t properties = 0;  ///< any of these bits of unicode::properties
    std::uint32_t categories = 0;  ///< any of these general categories, as ICU's masks
    bool negated = false;
  };

  struct Set {
    std::vector<Member> members;
    bool negated = false;
    bool fold_case = false;
    std::array<bool, 128> ascii{};  ///< the answer for ASCII

    [[nodiscard]] bool has(char32_t c) const { return c < 128 ? ascii[c] : derive(c); }
    [[nodiscard]] bool derive(char32_t c) const;
  };

  struct Node;
  using Branch = std::vector<Node>;
  struct Node {
    enum class Kind { Character, Group, Ahead, NotAhead } kind = Kind::Character;
    Set set;                       ///< of a Character
    std::vector<Branch> branches;  ///< of the others
    std::size_t least = 1;
    std::size_t most = 1;
    bool possessive = false;
  };

 private:
  std::vector<Branch> branches_;
};

}  // namespace tutti::tokenizers
