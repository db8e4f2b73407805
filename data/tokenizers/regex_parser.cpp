#include "tutti/data/tokenizers/regex_parser.hpp"

#include "tutti/data/error.hpp"
#include "tutti/data/unicode.hpp"

#include <unicode/uchar.h>

#include <map>

namespace tutti::tokenizers {

namespace {

using Member = Regex::Member;
using Node = Regex::Node;

constexpr std::size_t kEndless = static_cast<std::size_t>(-1);

class Parser {
 public:
  Parser(std::string_view pattern, const std::string& where) : pattern_(pattern), where_(where) {}

  std::vector<Regex::Branch> run() {
    auto out = branches(false);
    if (!done()) fail("a ')' without its '('");
    return out;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(Code::Data, where_ + ": regular expression '" + std::string(pattern_) + "', byte " +
                                std::to_string(at_ + 1) + ": " + what);
  }
  [[nodiscard]] bool done() const { return at_ >= pattern_.size(); }
  [[nodiscard]] char peek() const { return done() ? '\0' : pattern_[at_]; }
  bool take(std::string_view text) {
    if (pattern_.substr(at_, text.size()) != text) return false;
    at_ += text.size();
    return true;
  }
  char32_t character() {
    if (done()) fail("it ends too early");
    return unicode::next(pattern_, at_);
  }

  std::vector<Regex::Branch> branches(bool fold) {
    std::vector<Regex::Branch> out(1);
    while (!done() && peek() != ')') {
      if (take("|")) {
        out.emplace_back();
      } else {
        out.back().push_back(quantified(atom(fold)));
      }
    }
    return out;
  }

  Node atom(bool fold) {
    if (take("(")) return group(fold);
    Node node;
    if (take("[")) {
      node.set = bracket();
    } else if (take("\\")) {
      const bool word = peek() == 'w' || peek() == 'W';
      node.set.members = {escape()};
      if (word) {
        // Oniguruma takes the superscripts and fractions of Latin-1 for word characters too, but
        // not in a class.
        node.set.negated = node.set.members[0].negated;
        node.set.members[0].negated = false;
        node.set.members.push_back({0xb2, 0xb3});
        node.set.members.push_back({0xb9, 0xb9});
        node.set.members.push_back({0xbc, 0xbe});
      }
    } else if (take(".")) {
      node.set.members = {{U'\n', U'\n'}};
      node.set.negated = true;
    } else {
      const char c = peek();
      if (c == '^' || c == '$' || c == '*' || c == '+' || c == '?') {
        fail(std::string("'") + c + "' is not supported here");
      }
      const char32_t literal = character();
      node.set.members = {{literal, literal}};
    }
    node.set.fold_case = fold;
    for (char32_t c = 0; c < 128; ++c) node.set.ascii[c] = node.set.derive(c);
    return node;
  }

  Node group(bool fold) {
    Node node;
    node.kind = Node::Kind::Group;
    if (take("?i:")) {
      fold = true;
    } else if (take("?=")) {
      node.kind = Node::Kind::Ahead;
    } else if (take("?!")) {
      node.kind = Node::Kind::NotAhead;
    } else if (!take("?:") && peek() == '?') {
      fail("this kind of group is not supported");
    }
    node.branches = branches(fold);
    if (!take(")")) fail("a ')' is missing");
    return node;
  }

  Node quantified(Node node) {
    const bool plain = peek() == '?' || peek() == '*' || peek() == '+';
    if (take("?")) {
      node.least = 0;
    } else if (take("*")) {
      node.least = 0;
      node.most = kEndless;
    } else if (take("+")) {
      node.most = kEndless;
    } else if (peek() == '{') {
      counted(node);
    } else {
      return node;
    }
    if (plain && take("+")) node.possessive = true;
    if (peek() == '?' || peek() == '*' || peek() == '+' || peek() == '{') {
      fail("lazy and doubled quantifiers are not supported");
    }
    if (node.kind != Node::Kind::Character &&
        (node.kind != Node::Kind::Group || node.most != 1 || node.possessive)) {
      fail("a group can only be followed by '?'");
    }
    return node;
  }

  // {3}, {1,3}, {2,}
  void counted(Node& node) {
    const auto number = [this] {
      if (peek() < '0' || peek() > '9') fail("a number was expected");
      std::size_t value = 0;
      while (peek() >= '0' && peek() <= '9' && value < 100000) {
        value = value * 10 + static_cast<std::size_t>(peek() - '0');
        at_ += 1;
      }
      return value;
    };
    at_ += 1;
    node.least = peek() == ',' ? 0 : number();
    node.most = node.least;
    if (take(",")) node.most = peek() == '}' ? kEndless : number();
    if (!take("}")) fail("a '}' is missing");
  }

  Regex::Set bracket() {
    Regex::Set set;
    set.negated = take("^");
    while (!take("]")) {
      if (peek() == '[' || pattern_.substr(at_, 2) == "&&")
        fail("nested classes are not supported");
      Member member;
      if (take("\\")) {
        member = escape();
      } else {
        member.first = member.last = character();
      }
      const bool single = member.first == member.last && member.properties == 0 &&
                          member.categories == 0 && !member.negated;
      if (single && peek() == '-' && pattern_.substr(at_ + 1, 1) != "]") {
        at_ += 1;
        const Member last = take("\\") ? escape() : Member{0, character()};
        if (last.properties != 0 || last.categories != 0 || last.last < member.first) {
          fail("a broken range");
        }
        member.last = last.last;
      }
      set.members.push_back(member);
    }
    return set;
  }

  // What follows a backslash.
  Member escape() {
    Member out;
    const char32_t c = character();
    switch (c) {
      case U's':
      case U'S':
        out.properties = unicode::Space;
        out.negated = c == U'S';
        return out;
      case U'd':
      case U'D':
        out.categories = U_GC_ND_MASK;
        out.negated = c == U'D';
        return out;
      case U'w':
      case U'W':
        out.properties = unicode::RegexWord;
        out.negated = c == U'W';
        return out;
      case U'p':
      case U'P':
        return category(c == U'P');
      case U'n':
        out.first = out.last = U'\n';
        return out;
      case U'r':
        out.first = out.last = U'\r';
        return out;
      case U't':
        out.first = out.last = U'\t';
        return out;
      default:
        if (c >= 128 || u_isalnum(static_cast<UChar32>(c)) != 0) {
          at_ -= 1;
          fail("this escape is not supported");
        }
        out.first = out.last = c;
        return out;
    }
  }

  Member category(bool negated) {
    static const std::map<std::string_view, std::uint32_t> masks = {
        {"L", U_GC_L_MASK},   {"Lu", U_GC_LU_MASK}, {"Ll", U_GC_LL_MASK}, {"Lt", U_GC_LT_MASK},
        {"Lm", U_GC_LM_MASK}, {"Lo", U_GC_LO_MASK}, {"M", U_GC_M_MASK},   {"Mn", U_GC_MN_MASK},
        {"Mc", U_GC_MC_MASK}, {"Me", U_GC_ME_MASK}, {"N", U_GC_N_MASK},   {"Nd", U_GC_ND_MASK},
        {"Nl", U_GC_NL_MASK}, {"No", U_GC_NO_MASK}, {"P", U_GC_P_MASK},   {"Pc", U_GC_PC_MASK},
        {"Pd", U_GC_PD_MASK}, {"Ps", U_GC_PS_MASK}, {"Pe", U_GC_PE_MASK}, {"Pi", U_GC_PI_MASK},
        {"Pf", U_GC_PF_MASK}, {"Po", U_GC_PO_MASK}, {"S", U_GC_S_MASK},   {"Sm", U_GC_SM_MASK},
        {"Sc", U_GC_SC_MASK}, {"Sk", U_GC_SK_MASK}, {"So", U_GC_SO_MASK}, {"Z", U_GC_Z_MASK},
        {"Zs", U_GC_ZS_MASK}, {"Zl", U_GC_ZL_MASK}, {"Zp", U_GC_ZP_MASK}, {"C", U_GC_C_MASK},
        {"Cc", U_GC_CC_MASK}, {"Cf", U_GC_CF_MASK}, {"Co", U_GC_CO_MASK}};
    if (!take("{")) fail("a '{' is missing");
    const bool inverse = take("^");
    const std::size_t end = pattern_.find('}', at_);
    if (end == std::string_view::npos) fail("a '}' is missing");
    const std::string_view name = pattern_.substr(at_, end - at_);
    const auto found = masks.find(name);
    if (found == masks.end()) fail("the property '" + std::string(name) + "' is not supported");
    at_ = end + 1;
    Member out;
    out.negated = negated != inverse;
    if (name == "L") {
      out.properties = unicode::Letter;
    } else if (name == "N") {
      out.properties = unicode::Number;
    } else {
      out.categories = found->second;
    }
    return out;
  }

  std::string_view pattern_;
  const std::string& where_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<Regex::Branch> parse_regex(std::string_view pattern, const std::string& where) {
  return Parser(pattern, where).run();
}

}  // namespace tutti::tokenizers
