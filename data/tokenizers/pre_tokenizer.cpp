#include "tutti/data/tokenizers/pre_tokenizer.hpp"

#include "tutti/data/tokenizers/regex.hpp"
#include "tutti/data/unicode.hpp"

#include <algorithm>
#include <utility>

namespace tutti::tokenizers {

namespace {

struct Span {
  std::size_t begin;
  std::size_t end;
  bool separator;
};

// Joins and drops `spans`, which cover the text in order, as `behavior` says.
void arrange(std::string_view text, const std::vector<Span>& spans, Separator behavior,
             Pieces& out) {
  std::vector<Span> kept;
  bool open = false;  // the last kept span ends with a separator that takes what follows
  for (const Span& span : spans) {
    bool join = false;
    switch (behavior) {
      case Separator::Removed:
        if (span.separator) continue;
        break;
      case Separator::Isolated:
        break;
      case Separator::WithPrevious:
        join = span.separator && !open && !kept.empty();
        break;
      case Separator::WithNext:
        join = open && !span.separator;
        break;
      case Separator::Contiguous:
        join = !kept.empty() && open == span.separator;
        break;
    }
    open = span.separator;
    if (join) {
      kept.back().end = span.end;
    } else {
      kept.push_back(span);
    }
  }
  for (const Span& span : kept) out.list.push_back(text.substr(span.begin, span.end - span.begin));
}

class BertSplitter final : public PreTokenizer {
 public:
  void split(std::string_view text, Pieces& out) const override {
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t here = at;
      const std::uint16_t bits = unicode::properties(unicode::next(text, at));
      if ((bits & (unicode::Space | unicode::Punctuation)) == 0) continue;
      if (begin < here) out.list.push_back(text.substr(begin, here - begin));
      if ((bits & unicode::Space) == 0) out.list.push_back(text.substr(here, at - here));
      begin = at;
    }
    if (begin < text.size()) out.list.push_back(text.substr(begin));
  }
};

class ClassSplitter final : public PreTokenizer {
 public:
  ClassSplitter(unicode::Property separator, Separator behavior)
      : separator_(separator), behavior_(behavior) {}

  void split(std::string_view text, Pieces& out) const override {
    std::vector<Span> spans;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t here = at;
      const bool hit = (unicode::properties(unicode::next(text, at)) & separator_) != 0;
      if (!hit && !spans.empty() && !spans.back().separator) {
        spans.back().end = at;
      } else {
        spans.push_back({here, at, hit});
      }
    }
    arrange(text, spans, behavior_, out);
  }

 private:
  unicode::Property separator_;
  Separator behavior_;
};

// Cuts at what find(text, from) gives as [begin, end), begin >= the text's size where nothing is.
template <class Find>
void cut(std::string_view text, Separator behavior, bool invert, Find find, Pieces& out) {
  std::vector<Span> spans;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto [begin, end] = find(text, at);
    const std::size_t hit = std::min(begin, text.size());
    if (at < hit) spans.push_back({at, hit, invert});
    if (hit == text.size()) break;
    spans.push_back({hit, end, !invert});
    at = end;
  }
  arrange(text, spans, behavior, out);
}

class LiteralSplitter final : public PreTokenizer {
 public:
  LiteralSplitter(std::string separator, Separator behavior, bool invert)
      : separator_(std::move(separator)), behavior_(behavior), invert_(invert) {}

  void split(std::string_view text, Pieces& out) const override {
    const auto find = [this](std::string_view in, std::size_t from) {
      const std::size_t hit = in.find(separator_, from);
      return std::pair(hit, hit + separator_.size());
    };
    cut(text, behavior_, invert_, find, out);
  }

 private:
  std::string separator_;
  Separator behavior_;
  bool invert_;
};

class RegexSplitter final : public PreTokenizer {
 public:
  RegexSplitter(Regex regex, Separator behavior, bool invert)
      : regex_(std::move(regex)), behavior_(behavior), invert_(invert) {}

  void split(std::string_view text, Pieces& out) const override {
    const auto find = [this](std::string_view in, std::size_t from) {
      return regex_.find(in, from);
    };
    cut(text, behavior_, invert_, find, out);
  }

 private:
  Regex regex_;
  Separator behavior_;
  bool invert_;
};

enum class Run { Letter, Number, Space, Other };

Run run_of(char32_t c) {
  const std::uint16_t bits = unicode::properties(c);
  if ((bits & unicode::Letter) != 0) return Run::Letter;
  if ((bits & unicode::Number) != 0) return Run::Number;
  return (bits & unicode::Space) != 0 ? Run::Space : Run::Other;
}

// The regular expression of GPT-2, by hand:
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
class ByteLevelSplitter final : public PreTokenizer {
 public:
  ByteLevelSplitter(bool prefix_space, bool words) : prefix_space_(prefix_space), words_(words) {}

  void split(std::string_view text, Pieces& out) const override {
    if (prefix_space_ && text.front() != ' ') {
      text = out.owned.emplace_back(" " + std::string(text));
    }
    if (!words_) {
      out.list.push_back(text);
      return;
    }
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = word_end(text, at);
      out.list.push_back(text.substr(at, end - at));
      at = end;
    }
  }

 private:
  static std::size_t contraction(std::string_view rest) {
    for (const char* tail : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}) {
      if (rest.starts_with(tail)) return std::string_view(tail).size();
    }
    return 0;
  }

  static std::size_t word_end(std::string_view text, std::size_t begin) {
    if (text[begin] == '\'') {
      const std::size_t size = contraction(text.substr(begin));
      if (size != 0) return begin + size;
    }
    std::size_t at = begin;
    Run run = run_of(unicode::next(text, at));
    if (run == Run::Space) {
      if (text[begin] == ' ' && at < text.size()) {  // a space goes with the word that follows
        std::size_t after = at;
        const Run follows = run_of(unicode::next(text, after));
        if (follows != Run::Space) return run_end(text, after, follows).end;
      }
      const RunEnd spaces = run_end(text, at, Run::Space);
      // The last space of several is left for the word behind it.
      return spaces.end == text.size() || spaces.last == 0 ? spaces.end : spaces.last;
    }
    return run_end(text, at, run).end;
  }

  struct RunEnd {
    std::size_t end;
    std::size_t last;  // where the run's last character begins; 0 when it has but the first
  };

  static RunEnd run_end(std::string_view text, std::size_t at, Run run) {
    std::size_t last = 0;
    while (at < text.size()) {
      std::size_t after = at;
      if (run_of(unicode::next(text, after)) != run) break;
      last = at;
      at = after;
    }
    return {at, last};
  }

  bool prefix_space_;
  bool words_;
};

class Sequence final : public PreTokenizer {
 public:
  explicit Sequence(std::vector<std::unique_ptr<PreTokenizer>> steps) : steps_(std::move(steps)) {}

  void split(std::string_view text, Pieces& out) const override {
    std::vector<std::string_view> before;
    const std::size_t first = out.list.size();
    out.list.push_back(text);
    for (const auto& step : steps_) {
      before.assign(out.list.begin() + static_cast<std::ptrdiff_t>(first), out.list.end());
      out.list.resize(first);
      for (const std::string_view piece : before) {
        if (!piece.empty()) step->split(piece, out);
      }
    }
  }

 private:
  std::vector<std::unique_ptr<PreTokenizer>> steps_;
};

}  // namespace

std::unique_ptr<PreTokenizer> make_bert_splitter() { return std::make_unique<BertSplitter>(); }

std::unique_ptr<PreTokenizer> make_digit_splitter(bool individual) {
  return std::make_unique<ClassSplitter>(unicode::Numeric,
                                         individual ? Separator::Isolated : Separator::Contiguous);
}

std::unique_ptr<PreTokenizer> make_whitespace_splitter() {
  return std::make_unique<ClassSplitter>(unicode::Space, Separator::Removed);
}

std::unique_ptr<PreTokenizer> make_literal_splitter(std::string separator, Separator behavior,
                                                    bool invert) {
  return std::make_unique<LiteralSplitter>(std::move(separator), behavior, invert);
}

std::unique_ptr<PreTokenizer> make_regex_splitter(std::string_view pattern, Separator behavior,
                                                  bool invert, const std::string& where) {
  return std::make_unique<RegexSplitter>(Regex(pattern, where), behavior, invert);
}

std::unique_ptr<PreTokenizer> make_byte_level_splitter(bool prefix_space, bool words) {
  return std::make_unique<ByteLevelSplitter>(prefix_space, words);
}

std::unique_ptr<PreTokenizer> make_sequence(std::vector<std::unique_ptr<PreTokenizer>> steps) {
  return std::make_unique<Sequence>(std::move(steps));
}

}  // namespace tutti::tokenizers
