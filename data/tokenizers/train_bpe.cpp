#include "tutti/data/tokenizers/format.hpp"

#include <algorithm>
#include <queue>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace tutti {

namespace {

using tokenizers::Json;

constexpr const char* kSpecial[] = {"<pad>", "<eos>", "<unk>"};
constexpr TokenId kFirstByte = 3;
constexpr std::int32_t kLeastSize = kFirstByte + 256;
constexpr std::int64_t kLeastCount = 2;  // a pair that stands once teaches nothing

struct Word {
  std::vector<TokenId> symbols;
  std::int64_t count = 0;
};

using Pair = std::pair<TokenId, TokenId>;

struct PairHash {
  std::size_t operator()(const Pair& pair) const noexcept {
    return static_cast<std::size_t>(pair.first) * 0x9e3779b97f4a7c15ULL +
           static_cast<std::size_t>(pair.second);
  }
};

struct PairPlaces {
  std::int64_t count = 0;
  std::unordered_set<std::size_t> words;  // where it stands, or stood once
};

// The words of all texts with their counts, in the order of their bytes.
std::vector<Word> count_words(std::span<const std::string> texts) {
  const auto splitter = tokenizers::make_byte_level_splitter(false, true);
  std::map<std::string, std::int64_t, std::less<>> counts;
  for (const std::string& text : texts) {
    const std::string valid = unicode::repair(text);
    tokenizers::Pieces pieces;
    splitter->split(valid, pieces);
    for (const std::string_view piece : pieces.list) {
      auto found = counts.find(piece);
      if (found == counts.end()) found = counts.emplace(piece, 0).first;
      found->second += 1;
    }
  }
  std::vector<Word> words;
  for (const auto& [bytes, count] : counts) {
    Word word;
    word.count = count;
    for (const char byte : bytes) {
      word.symbols.push_back(kFirstByte + static_cast<unsigned char>(byte));
    }
    words.push_back(std::move(word));
  }
  return words;
}

class Trainer {
 public:
  explicit Trainer(std::vector<Word> words) : words_(std::move(words)) {
    for (const char* token : kSpecial) tokens_.emplace_back(token);
    for (int byte = 0; byte < 256; ++byte) tokens_.emplace_back(1, static_cast<char>(byte));
    for (std::size_t id = kFirstByte; id < tokens_.size(); ++id) {
      ids_[tokens_[id]] = static_cast<TokenId>(id);
    }
    for (std::size_t w = 0; w < words_.size(); ++w) {
      const auto& symbols = words_[w].symbols;
      for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
        PairPlaces& places = pairs_[{symbols[i], symbols[i + 1]}];
        places.count += words_[w].count;
        places.words.insert(w);
      }
    }
  }

  void run(std::size_t vocab_size) {
    // Of equal counts the pair that is smaller as text comes first.
    const auto later = [this](const Candidate& a, const Candidate& b) {
      if (a.count != b.count) return a.count < b.count;
      return texts_of(a.pair) > texts_of(b.pair);
    };
    std::priority_queue<Candidate, std::vector<Candidate>, decltype(later)> queue(later);
    for (const auto& [pair, places] : pairs_) queue.push({places.count, pair});
    while (tokens_.size() < vocab_size && !queue.empty()) {
      const Candidate best = queue.top();
      queue.pop();
      const std::int64_t now = pairs_[best.pair].count;
      if (now < kLeastCount) continue;
      if (now != best.count) {  // its count fell since it was queued
        queue.push({now, best.pair});
        continue;
      }
      for (const Pair& pair : merge(best.pair)) queue.push({pairs_[pair].count, pair});
    }
  }

  // The root of a tokenizer.json.
  [[nodiscard]] Json format() const;

 private:
  struct Candidate {
    std::int64_t count;
    Pair pair;
  };

  [[nodiscard]] std::pair<std::string_view, std::string_view> texts_of(const Pair& pair) const {
    return {tokens_[static_cast<std::size_t>(pair.first)],
            tokens_[static_cast<std::size_t>(pair.second)]};
  }

  // Two ways to one text ("ab" "c", "a" "bc") share a token.
  TokenId token_for(const Pair& pair) {
    const auto [left, right] = texts_of(pair);
    std::string text(left);
    text += right;
    const auto [found, fresh] = ids_.emplace(text, static_cast<TokenId>(tokens_.size()));
    if (fresh) tokens_.push_back(std::move(text));
    return found->second;
  }

  // Merges the pair in all words; the pairs that came to be or grew, in order.
  std::vector<Pair> merge(const Pair& pair) {
    const TokenId merged = token_for(pair);
    merges_.push_back(pair);
    const std::unordered_set<std::size_t> places = std::move(pairs_[pair].words);
    std::vector<std::size_t> order(places.begin(), places.end());
    std::sort(order.begin(), order.end());
    std::vector<Pair> grown;
    for (const std::size_t w : order) merge_in(w, pair, merged, grown);
    pairs_[pair] = {};
    std::sort(grown.begin(), grown.end());
    grown.erase(std::unique(grown.begin(), grown.end()), grown.end());
    return grown;
  }

  void merge_in(std::size_t w, const Pair& pair, TokenId merged, std::vector<Pair>& grown) {
    Word& word = words_[w];
    std::vector<TokenId> now;
    for (std::size_t i = 0; i < word.symbols.size(); ++i) {
      const bool hit = i + 1 < word.symbols.size() && word.symbols[i] == pair.first &&
                       word.symbols[i + 1] == pair.second;
      now.push_back(hit ? merged : word.symbols[i]);
      if (hit) i += 1;
    }
    for (std::size_t i = 0; i + 1 < word.symbols.size(); ++i) {
      pairs_[{word.symbols[i], word.symbols[i + 1]}].count -= word.count;
    }
    for (std::size_t i = 0; i + 1 < now.size(); ++i) {
      const Pair each{now[i], now[i + 1]};
      PairPlaces& places = pairs_[each];
      places.count += word.count;
      if (each.first == merged || each.second == merged) {
        places.words.insert(w);
        grown.push_back(each);
      }
    }
    word.symbols = std::move(now);
  }

  std::vector<Word> words_;
  std::vector<std::string> tokens_;  // [id] raw bytes
  std::unordered_map<std::string, TokenId> ids_;
  std::vector<Pair> merges_;
  std::unordered_map<Pair, PairPlaces, PairHash> pairs_;
};

Json special_piece(const char* token, int type) {
  return {{"SpecialToken", {{"id", token}, {"type_id", type}}}};
}

Json text_piece(const char* which, int type) {
  return {{"Sequence", {{"id", which}, {"type_id", type}}}};
}

Json Trainer::format() const {
  Json vocab = Json::object();
  Json added = Json::array();
  for (std::size_t id = 0; id < tokens_.size(); ++id) {
    const bool special = id < static_cast<std::size_t>(kFirstByte);
    vocab[special ? tokens_[id] : tokenizers::to_byte_alphabet(tokens_[id])] = id;
    if (!special) continue;
    added.push_back({{"id", id},
                     {"content", tokens_[id]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  }
  Json merges = Json::array();
  for (const Pair& pair : merges_) {
    const auto [left, right] = texts_of(pair);
    merges.push_back({tokenizers::to_byte_alphabet(left), tokenizers::to_byte_alphabet(right)});
  }
  const char* end = kSpecial[1];
  const Json single = {text_piece("A", 0), special_piece(end, 0)};
  Json pair = single;
  pair.push_back(text_piece("B", 1));
  pair.push_back(special_piece(end, 1));
  const Json bytes = {{"type", "ByteLevel"},
                      {"add_prefix_space", false},
                      {"trim_offsets", true},
                      {"use_regex", true}};
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", std::move(added)},
          {"normalizer", nullptr},
          {"pre_tokenizer", bytes},
          {"post_processor",
           {{"type", "TemplateProcessing"},
            {"single", single},
            {"pair", std::move(pair)},
            {"special_tokens", {{end, {{"id", end}, {"ids", {1}}, {"tokens", {end}}}}}}}},
          {"decoder", bytes},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", false},
            {"vocab", std::move(vocab)},
            {"merges", std::move(merges)}}}};
}

}  // namespace

std::unique_ptr<Tokenizer> train_bpe(std::span<const std::string> texts, std::int32_t vocab_size) {
  if (vocab_size < kLeastSize) {
    throw Error(Code::Config,
                "a BPE vocabulary of " + std::to_string(vocab_size) + " tokens was asked for",
                "give at least " + std::to_string(kLeastSize) + ": 256 bytes, <pad>, <eos>, <unk>");
  }
  Trainer trainer(count_words(texts));
  trainer.run(static_cast<std::size_t>(vocab_size));
  const Json config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                       {"pad_token", kSpecial[0]},
                       {"eos_token", kSpecial[1]},
                       {"unk_token", kSpecial[2]},
                       {"clean_up_tokenization_spaces", false}};
  return tokenizers::from_files(
      {{"tokenizer.json", trainer.format().dump(1)}, {"tokenizer_config.json", config.dump(2)}},
      "the trained vocabulary");
}

}  // namespace tutti
