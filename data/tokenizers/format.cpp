#include "tutti/data/tokenizers/format.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace tutti::tokenizers {

namespace {

constexpr std::size_t kMostTokens = 1U << 26U;  // a wild id must not take all memory

using Ids = std::unordered_map<std::string_view, TokenId>;

struct Vocabulary {
  std::vector<std::string> tokens;  ///< [id], the added ones too
  std::vector<bool> taken;          ///< [id]

  void put(const std::string& text, TokenId id, const Node& where) {
    const auto at = static_cast<std::size_t>(id);
    if (at >= kMostTokens) where.fail("id " + std::to_string(id) + " is beyond any vocabulary");
    if (at >= taken.size()) {
      taken.resize(at + 1);
      tokens.resize(at + 1);
    }
    if (taken[at] && tokens[at] != text) {
      where.fail("id " + std::to_string(id) + " of '" + text + "' is taken by '" + tokens[at] + "'",
                 "give each token its own id");
    }
    taken[at] = true;
    tokens[at] = text;
  }
};

Vocabulary read_vocabulary(const Node& vocab) {
  if (!vocab.value.is_object()) vocab.fail("an object from token to id was expected");
  Vocabulary out;
  for (const auto& [text, id] : vocab.value.items()) {
    out.put(text, Node{id, vocab.where + "." + text}.integer(), vocab);
  }
  return out;
}

std::vector<AddedToken> read_added(const Node& list, Vocabulary& vocabulary, Ids& ids) {
  std::vector<AddedToken> out;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Node node = list.at(i);
    AddedToken token;
    token.text = node.at("content").text();
    token.id = node.at("id").integer();
    token.special = node.boolean("special", false);
    token.normalized = node.boolean("normalized", !token.special);
    token.single_word = node.boolean("single_word", false);
    token.left_strip = node.boolean("lstrip", false);
    token.right_strip = node.boolean("rstrip", false);
    if (token.text.empty()) node.fail("an added token is empty");
    const auto known = ids.find(node.at("content").text());
    if (known != ids.end() && known->second != token.id) {
      node.fail("id " + std::to_string(token.id) + " of '" + token.text + "' differs from its id " +
                std::to_string(known->second) + " in model.vocab");
    }
    vocabulary.put(token.text, token.id, node);
    ids.emplace(node.at("content").text(), token.id);
    out.push_back(std::move(token));
  }
  return out;
}

TokenId unknown_token(const Node& model, const Ids& ids) {
  if (!model.has("unk_token")) return -1;
  const Node node = model.at("unk_token");
  const auto found = ids.find(node.text());
  if (found == ids.end()) {
    node.fail("the unknown token '" + node.text() + "' is not in the vocabulary", "add it");
  }
  return found->second;
}

// "left right", or ["left", "right"] in newer files, which can hold spaces.
std::vector<Merge> read_merges(const Node& list, const Ids& ids) {
  std::vector<Merge> out;
  out.reserve(list.size());
  std::string joined;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Json& entry = list.value[i];
    std::string_view left;
    std::string_view right;
    if (entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_string()) {
      left = entry[0].get_ref<const std::string&>();
      right = entry[1].get_ref<const std::string&>();
    } else if (entry.is_string()) {
      const std::string_view both = entry.get_ref<const std::string&>();
      const std::size_t space = both.find(' ');
      if (space == std::string_view::npos) list.at(i).fail("two tokens were expected");
      left = both.substr(0, space);
      right = both.substr(space + 1);
    } else {
      list.at(i).fail("two tokens were expected");
    }
    joined.assign(left);
    joined += right;
    const auto id_of = [&](std::string_view token) {
      const auto found = ids.find(token);
      if (found == ids.end()) {
        list.at(i).fail("the merge of '" + std::string(left) + "' and '" + std::string(right) +
                            "' needs the token '" + std::string(token) +
                            "', which is not in model.vocab",
                        "vocabulary and merges must come from one training");
      }
      return found->second;
    };
    out.push_back({id_of(left), id_of(right), id_of(joined)});
  }
  return out;
}

void refuse_options(const Node& model) {
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!model.text(key, "").empty()) {
      model.at(key).fail("tutti supports byte-level BPE without it");
    }
  }
  if (model.boolean("byte_fallback", false)) {
    model.at("byte_fallback").fail("tutti supports BPE without byte fallback");
  }
  if (model.has("dropout") && model.at("dropout").value != 0.0) {
    model.at("dropout").fail("tutti supports BPE without dropout");
  }
}

std::string model_type(const Node& model) {
  if (model.has("type")) return model.at("type").text();
  return model.has("merges") ? "BPE" : "WordPiece";  // files of old versions do not say
}

std::unique_ptr<WordModel> read_model(const Node& model, const std::vector<std::string>& tokens,
                                      const Ids& ids, bool byte_level) {
  const std::string type = model_type(model);
  if (type == "WordPiece") {
    if (byte_level) model.fail("tutti supports WordPiece without ByteLevel");
    WordPieceOptions options;
    if (!model.has("unk_token")) model.fail("'unk_token' is missing");
    options.unknown = unknown_token(model, ids);
    options.continuing_prefix = model.text("continuing_subword_prefix", "##");
    if (model.has("max_input_chars_per_word")) {
      options.max_chars = static_cast<std::size_t>(model.at("max_input_chars_per_word").integer());
    }
    return make_wordpiece(tokens, options);
  }
  if (type == "BPE") {
    if (!byte_level) {
      model.fail("tutti supports byte-level BPE only, and no ByteLevel is in pre_tokenizer");
    }
    refuse_options(model);
    BpeOptions options;
    options.unknown = unknown_token(model, ids);
    options.fuse_unknown = model.boolean("fuse_unk", false);
    options.ignore_merges = model.boolean("ignore_merges", false);
    return make_bpe(tokens, read_merges(model.at("merges"), ids), options);
  }
  model.fail("tutti does not support the model '" + type + "'", "supported: WordPiece, BPE");
}

void check_ids(const Vocabulary& vocabulary, const Node& root) {
  if (vocabulary.tokens.empty()) root.fail("the vocabulary is empty");
  const auto gap = std::find(vocabulary.taken.begin(), vocabulary.taken.end(), false);
  if (gap == vocabulary.taken.end()) return;
  root.fail("no token has id " + std::to_string(gap - vocabulary.taken.begin()) +
                ", but ids go up to " + std::to_string(vocabulary.taken.size() - 1),
            "ids must be 0, 1, 2, ... without gaps");
}

}  // namespace

Pipeline read_format(const Node& root) {
  static const Json none;
  const auto section = [&](const char* key) {
    return root.has(key) ? root.at(key) : Node{none, root.where + " " + key};
  };
  Pipeline out;
  out.normalizer = Normalizer(read_normalizer(section("normalizer")));
  bool byte_level = false;
  out.pre_tokenizer = read_pre_tokenizer(section("pre_tokenizer"), byte_level);
  out.post = read_post_processor(section("post_processor"));

  const Node model = root.at("model");
  const Node vocab = model.at("vocab");
  Vocabulary vocabulary = read_vocabulary(vocab);
  const std::vector<std::string> model_tokens = vocabulary.tokens;
  Ids ids;
  ids.reserve(model_tokens.size());
  for (const std::string& token : model_tokens) {
    if (!token.empty()) ids.emplace(token, static_cast<TokenId>(&token - model_tokens.data()));
  }
  out.model = read_model(model, model_tokens, ids, byte_level);

  std::vector<AddedToken> raw;
  std::vector<AddedToken> normalized;
  if (root.has("added_tokens")) {
    std::string scratch;
    for (AddedToken& token : read_added(root.at("added_tokens"), vocabulary, ids)) {
      if (token.normalized) {
        token.text = std::string(out.normalizer.apply(token.text, scratch));
        normalized.push_back(std::move(token));
      } else {
        raw.push_back(std::move(token));
      }
    }
  }
  check_ids(vocabulary, root);
  if (const TokenId id = out.post.largest_id();
      id >= static_cast<TokenId>(vocabulary.tokens.size())) {
    section("post_processor")
        .fail("it puts id " + std::to_string(id) + ", but ids go up to " +
              std::to_string(vocabulary.tokens.size() - 1));
  }
  out.raw_added = AddedTokens(std::move(raw));
  out.normalized_added = AddedTokens(std::move(normalized));
  out.tokens = std::move(vocabulary.tokens);
  return out;
}

}  // namespace tutti::tokenizers
