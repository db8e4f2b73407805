#include "tutti/data/tokenizers/format.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace tutti::tokenizers {

namespace {

[[noreturn]] void refuse(const Node& node, const char* what, const std::string& type,
                         const char* known) {
  node.fail(std::string("tutti does not support the ") + what + " '" + type + "'",
            std::string("supported: ") + known);
}

Separator read_separator(const Node& node) {
  static const std::map<std::string, Separator> names = {
      {"Removed", Separator::Removed},
      {"Isolated", Separator::Isolated},
      {"MergedWithPrevious", Separator::WithPrevious},
      {"MergedWithNext", Separator::WithNext},
      {"Contiguous", Separator::Contiguous}};
  const auto found = names.find(node.text());
  if (found == names.end()) node.fail("unknown behavior '" + node.text() + "'");
  return found->second;
}

TemplatePiece special_piece(TokenId id, std::int32_t type) {
  return {TemplatePiece::What::Special, id, type};
}

// {"SpecialToken": {"id": "[CLS]", "type_id": 0}} or {"Sequence": {"id": "A", "type_id": 0}}
std::vector<TemplatePiece> read_template(const Node& list, const Node& special, bool pair) {
  std::vector<TemplatePiece> out;
  int first = 0;
  int second = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Node piece = list.at(i);
    if (piece.has("Sequence")) {
      const Node sequence = piece.at("Sequence");
      const bool is_first = sequence.at("id").text() == "A";
      (is_first ? first : second) += 1;
      out.push_back({is_first ? TemplatePiece::What::First : TemplatePiece::What::Second, -1,
                     sequence.at("type_id").integer()});
      continue;
    }
    const Node token = piece.at("SpecialToken");
    const Node ids = special.at(token.at("id").text()).at("ids");
    for (std::size_t k = 0; k < ids.size(); ++k) {
      out.push_back(special_piece(ids.at(k).integer(), token.at("type_id").integer()));
    }
  }
  if (first != 1 || second != (pair ? 1 : 0)) {
    list.fail(pair ? "A and B must stand in it once each" : "A must stand in it once, and not B");
  }
  return out;
}

// ["[SEP]", 102]
TokenId named_id(const Node& pair) {
  if (pair.size() != 2) pair.fail("a token and its id were expected");
  return pair.at(1).integer();
}

}  // namespace

std::vector<NormalizerStep> read_normalizer(const Node& section) {
  if (section.value.is_null()) return {};
  using Kind = NormalizerStep::Kind;
  static const std::map<std::string, unicode::Form> forms = {{"NFC", unicode::Form::Nfc},
                                                             {"NFD", unicode::Form::Nfd},
                                                             {"NFKC", unicode::Form::Nfkc},
                                                             {"NFKD", unicode::Form::Nfkd}};
  const std::string& type = section.at("type").text();
  NormalizerStep step;
  if (type == "Sequence") {
    std::vector<NormalizerStep> all;
    const Node list = section.at("normalizers");
    for (std::size_t i = 0; i < list.size(); ++i) {
      for (const NormalizerStep& each : read_normalizer(list.at(i))) all.push_back(each);
    }
    return all;
  }
  if (type == "BertNormalizer") {
    step.clean_text = section.boolean("clean_text", true);
    step.chinese = section.boolean("handle_chinese_chars", true);
    step.lowercase = section.boolean("lowercase", true);
    step.strip_accents = section.boolean("strip_accents", step.lowercase);
  } else if (type == "Lowercase") {
    step.kind = Kind::Lowercase;
  } else if (type == "StripAccents") {
    step.kind = Kind::StripAccents;
  } else if (const auto form = forms.find(type); form != forms.end()) {
    step.kind = Kind::Unicode;
    step.form = form->second;
  } else {
    refuse(section, "normalizer", type,
           "BertNormalizer, Lowercase, StripAccents, NFC, NFD, NFKC, NFKD, Sequence");
  }
  return {step};
}

std::unique_ptr<PreTokenizer> read_pre_tokenizer(const Node& section, bool& byte_level) {
  if (section.value.is_null()) return nullptr;
  const std::string& type = section.at("type").text();
  if (byte_level) section.fail("nothing can follow ByteLevel in a Sequence");
  if (type == "Sequence") {
    const Node list = section.at("pretokenizers");
    std::vector<std::unique_ptr<PreTokenizer>> steps;
    for (std::size_t i = 0; i < list.size(); ++i) {
      steps.push_back(read_pre_tokenizer(list.at(i), byte_level));
      if (!steps.back()) list.at(i).fail("a pre-tokenizer was expected, found null");
    }
    return make_sequence(std::move(steps));
  }
  if (type == "BertPreTokenizer") return make_bert_splitter();
  if (type == "WhitespaceSplit") return make_whitespace_splitter();
  if (type == "Digits") return make_digit_splitter(section.boolean("individual_digits", false));
  if (type == "ByteLevel") {
    byte_level = true;
    return make_byte_level_splitter(section.boolean("add_prefix_space", true),
                                    section.boolean("use_regex", true));
  }
  if (type == "Split") {
    const Node pattern = section.at("pattern");
    const Separator behavior = read_separator(section.at("behavior"));
    const bool invert = section.boolean("invert", false);
    if (pattern.has("String")) {
      const std::string& text = pattern.at("String").text();
      if (text.empty()) pattern.fail("an empty separator");
      return make_literal_splitter(text, behavior, invert);
    }
    const Node regex = pattern.at("Regex");
    return make_regex_splitter(regex.text(), behavior, invert, regex.where);
  }
  refuse(section, "pre-tokenizer", type,
         "BertPreTokenizer, ByteLevel, Digits, Split, WhitespaceSplit, Sequence");
}

PostProcessor read_post_processor(const Node& section) {
  if (section.value.is_null()) return {};
  using What = TemplatePiece::What;
  const TemplatePiece first{What::First, -1, 0};
  const std::string& type = section.at("type").text();
  if (type == "ByteLevel") return {};  // it moves offsets alone
  if (type == "TemplateProcessing") {
    const Node special = section.at("special_tokens");
    return {read_template(section.at("single"), special, false),
            read_template(section.at("pair"), special, true)};
  }
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    const bool bert = type == "BertProcessing";
    const TokenId begin = named_id(section.at("cls"));
    const TokenId end = named_id(section.at("sep"));
    const std::int32_t other = bert ? 1 : 0;
    std::vector<TemplatePiece> single = {special_piece(begin, 0), first, special_piece(end, 0)};
    std::vector<TemplatePiece> pair = single;
    if (!bert) pair.push_back(special_piece(end, 0));
    pair.push_back({What::Second, -1, other});
    pair.push_back(special_piece(end, other));
    return {std::move(single), std::move(pair)};
  }
  if (type == "Sequence") {
    const Node list = section.at("processors");
    std::vector<Node> acting;
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (list.at(i).at("type").text() != "ByteLevel") acting.push_back(list.at(i));
    }
    if (acting.size() > 1) section.fail("tutti supports one post-processor beside ByteLevel");
    return acting.empty() ? PostProcessor() : read_post_processor(acting[0]);
  }
  refuse(section, "post-processor", type,
         "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel, Sequence");
}

}  // namespace tutti::tokenizers
