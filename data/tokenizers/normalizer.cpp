#include "tutti/data/tokenizers/normalizer.hpp"

#include <algorithm>

namespace tutti::tokenizers {

namespace {

// Rewrites the text one code point at a time: rewrite(out, c, properties of c).
template <class Rewrite>
void each(std::string& text, Rewrite rewrite) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = unicode::next(text, at);
    rewrite(out, c, unicode::properties(c));
  }
  text.swap(out);
}

void remove(std::string& text, unicode::Property what) {
  each(text, [what](std::string& out, char32_t c, std::uint16_t bits) {
    if ((bits & what) == 0) unicode::append(out, c);
  });
}

void lower(std::string& text) {
  each(text, [](std::string& out, char32_t c, std::uint16_t bits) {
    if ((bits & unicode::Capital) != 0) {
      unicode::append_lower(out, c);
    } else {
      unicode::append(out, c);
    }
  });
}

bool any(std::string_view text, unicode::Property what) {
  for (std::size_t at = 0; at < text.size();) {
    if ((unicode::properties(unicode::next(text, at)) & what) != 0) return true;
  }
  return false;
}

void compose(std::string& text, unicode::Form form) {
  if (any(text, unicode::Decomposable)) text = unicode::normalize(form, text);
}

void bert(const NormalizerStep& step, std::string& text) {
  if (step.clean_text || step.chinese) {
    each(text, [&step](std::string& out, char32_t c, std::uint16_t bits) {
      if (step.clean_text && (bits & unicode::Control) != 0) return;
      const bool apart = step.chinese && (bits & unicode::Chinese) != 0;
      if (apart) out.push_back(' ');
      unicode::append(out, step.clean_text && (bits & unicode::Space) != 0 ? U' ' : c);
      if (apart) out.push_back(' ');
    });
  }
  if (step.strip_accents) {
    compose(text, unicode::Form::Nfd);
    remove(text, unicode::Nonspacing);
  }
  if (step.lowercase) lower(text);
}

void run(const NormalizerStep& step, std::string& text) {
  switch (step.kind) {
    case NormalizerStep::Kind::Bert:
      bert(step, text);
      break;
    case NormalizerStep::Kind::Lowercase:
      lower(text);
      break;
    case NormalizerStep::Kind::StripAccents:
      remove(text, unicode::Combining);
      break;
    case NormalizerStep::Kind::Unicode:
      compose(text, step.form);
      break;
  }
}

}  // namespace

Normalizer::Normalizer(std::vector<NormalizerStep> steps) : steps_(std::move(steps)) {
  for (std::size_t byte = 0; byte < ascii_.size(); ++byte) {
    std::string text(1, static_cast<char>(byte));
    for (const NormalizerStep& step : steps_) run(step, text);
    ascii_[byte] = static_cast<std::int16_t>(text.empty() ? -1 : text[0]);
    ascii_same_ = ascii_same_ && ascii_[byte] == static_cast<std::int16_t>(byte);
  }
}

std::string_view Normalizer::apply(std::string_view text, std::string& scratch) const {
  if (steps_.empty()) return text;
  if (!unicode::is_ascii(text)) {
    scratch = text;
    for (const NormalizerStep& step : steps_) run(step, scratch);
    return scratch;
  }
  if (ascii_same_) return text;
  scratch.resize(text.size());
  std::size_t size = 0;
  for (const char byte : text) {
    const std::int16_t mapped = ascii_[static_cast<unsigned char>(byte)];
    scratch[size] = static_cast<char>(mapped);
    size += mapped >= 0 ? 1 : 0;
  }
  scratch.resize(size);
  return scratch;
}

}  // namespace tutti::tokenizers
