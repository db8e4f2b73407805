#include "tutti/data/tokenizers/format.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace tutti::tokenizers {

namespace {

std::vector<std::string_view> lines_of(std::string_view bytes) {
  std::vector<std::string_view> out;
  while (!bytes.empty()) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    std::string_view line = bytes.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    out.push_back(line);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  return out;
}

[[noreturn]] void fail(const std::string& file, std::size_t line, const std::string& what) {
  throw Error(Code::Data, file + ":" + std::to_string(line) + ": " + what);
}

// The text of "pad_token" and the like: a string, or an object with "content".
std::string token_text(const Json& config, const char* key, const std::string& otherwise) {
  if (!config.contains(key) || config[key].is_null()) return otherwise;
  const Json& value = config[key];
  return value.is_object() ? value.value("content", otherwise) : value.get<std::string>();
}

Json added_token(const std::string& text, const Json& id) {
  return {{"id", id},        {"content", text},     {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", true}};
}

// Lists each of `names` that the vocabulary has, once, by id.
Json special_tokens(const Json& vocab, const std::vector<std::string>& names) {
  std::vector<std::pair<std::int64_t, std::string>> found;
  for (const std::string& name : names) {
    if (vocab.contains(name)) found.emplace_back(vocab[name].get<std::int64_t>(), name);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  Json out = Json::array();
  for (const auto& [id, name] : found) out.push_back(added_token(name, id));
  return out;
}

Json special_piece(const std::string& token, int type) {
  return {{"SpecialToken", {{"id", token}, {"type_id", type}}}};
}

Json text_piece(const char* which, int type) {
  return {{"Sequence", {{"id", which}, {"type_id", type}}}};
}

Json named_ids(const Json& vocab, const std::string& token, const std::string& file) {
  if (!vocab.contains(token)) {
    throw Error(Code::Data, file + ": the token '" + token + "' is missing",
                "add it, or name another one in tokenizer_config.json");
  }
  return {{"id", token}, {"ids", {vocab[token]}}, {"tokens", {token}}};
}

}  // namespace

Json from_vocab_txt(const std::string& bytes, const std::string& file, const Json& config) {
  Json vocab = Json::object();
  const auto lines = lines_of(bytes);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string token(lines[i]);
    if (token.empty()) fail(file, i + 1, "an empty line where a token was expected");
    if (!unicode::is_valid(token)) fail(file, i + 1, "broken UTF-8");
    if (!vocab.emplace(token, i).second) {
      fail(file, i + 1,
           "the token '" + token + "' stands in line " +
               std::to_string(vocab[token].get<std::size_t>() + 1) + " already");
    }
  }
  const std::string unknown = token_text(config, "unk_token", "[UNK]");
  const std::string begin = token_text(config, "cls_token", "[CLS]");
  const std::string end = token_text(config, "sep_token", "[SEP]");
  named_ids(vocab, unknown, file);
  const bool lower = config.value("do_lower_case", true);
  const Json strip = config.contains("strip_accents") ? config["strip_accents"] : Json();
  const Json single = {special_piece(begin, 0), text_piece("A", 0), special_piece(end, 0)};
  Json pair = single;
  pair.push_back(text_piece("B", 1));
  pair.push_back(special_piece(end, 1));
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens",
           special_tokens(vocab, {unknown, begin, end, token_text(config, "pad_token", "[PAD]"),
                                  token_text(config, "mask_token", "[MASK]")})},
          {"normalizer",
           {{"type", "BertNormalizer"},
            {"clean_text", true},
            {"handle_chinese_chars", config.value("tokenize_chinese_chars", true)},
            {"strip_accents", strip},
            {"lowercase", lower}}},
          {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
          {"post_processor",
           {{"type", "TemplateProcessing"},
            {"single", single},
            {"pair", pair},
            {"special_tokens",
             {{begin, named_ids(vocab, begin, file)}, {end, named_ids(vocab, end, file)}}}}},
          {"decoder", {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}},
          {"model",
           {{"type", "WordPiece"},
            {"unk_token", unknown},
            {"continuing_subword_prefix", "##"},
            {"max_input_chars_per_word", 100},
            {"vocab", std::move(vocab)}}}};
}

Json from_vocab_json(const std::string& vocab_bytes, const std::string& vocab_file,
                     const std::string& merges_bytes, const std::string& merges_file,
                     const Json& config) {
  Json vocab = parse_json(vocab_bytes, vocab_file);
  if (!vocab.is_object()) {
    throw Error(Code::Data, vocab_file + ": an object from token to id was expected");
  }
  Json merges = Json::array();
  const auto lines = lines_of(merges_bytes);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string_view line = lines[i];
    if (line.empty() || (i == 0 && line.starts_with("#version"))) continue;
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos) {
      fail(merges_file, i + 1, "two tokens and one space between them were expected");
    }
    const std::string left(line.substr(0, space));
    const std::string right(line.substr(space + 1));
    std::string joined = left;
    joined += right;
    for (const std::string& token : {left, right, joined}) {
      if (!vocab.contains(token)) {
        fail(merges_file, i + 1,
             "the merge needs the token '" + token + "', which is not in " + vocab_file);
      }
    }
    merges.push_back({left, right});
  }
  const std::string text_end = "<|endoftext|>";
  const std::string name = config.value("tokenizer_class", "GPT2Tokenizer");
  const bool roberta = name.starts_with("Roberta");
  std::vector<std::string> special;
  for (const char* key : {"bos_token", "eos_token", "unk_token", "pad_token", "cls_token",
                          "sep_token", "mask_token"}) {
    special.push_back(token_text(config, key, text_end));
  }
  Json post = {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", false}};
  if (roberta) {
    const std::string begin = token_text(config, "cls_token", "<s>");
    const std::string end = token_text(config, "sep_token", "</s>");
    special.insert(special.end(), {begin, end, "<pad>", "<unk>", "<mask>"});
    post = {{"type", "RobertaProcessing"},
            {"sep", {end, named_ids(vocab, end, vocab_file)["ids"][0]}},
            {"cls", {begin, named_ids(vocab, begin, vocab_file)["ids"][0]}},
            {"trim_offsets", true},
            {"add_prefix_space", config.value("add_prefix_space", false)}};
  }
  Json added = special_tokens(vocab, special);
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", std::move(added)},
          {"normalizer", nullptr},
          {"pre_tokenizer",
           {{"type", "ByteLevel"},
            {"add_prefix_space", config.value("add_prefix_space", false)},
            {"trim_offsets", true},
            {"use_regex", true}}},
          {"post_processor", std::move(post)},
          {"decoder",
           {{"type", "ByteLevel"},
            {"add_prefix_space", true},
            {"trim_offsets", true},
            {"use_regex", true}}},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", ""},
            {"end_of_word_suffix", ""},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", false},
            {"vocab", std::move(vocab)},
            {"merges", std::move(merges)}}}};
}

}  // namespace tutti::tokenizers
