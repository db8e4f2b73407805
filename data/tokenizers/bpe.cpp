#include "tutti/data/error.hpp"
#include "tutti/data/random.hpp"
#include "tutti/data/tokenizers/model.hpp"
#include "tutti/data/unicode.hpp"

#include <algorithm>
#include <array>
#include <queue>

namespace tutti::tokenizers {

namespace {

// Printable bytes stand for themselves, the others for U+0100 and up in order (Radford et al.
// 2019).
struct ByteAlphabet {
  ByteAlphabet() {
    byte_of.fill(-1);
    char32_t spare = 0x100;
    for (char32_t byte = 0; byte < 256; ++byte) {
      const bool printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) ||
                             (byte >= 0xae && byte <= 0xff);
      const char32_t c = printable ? byte : spare++;
      char_of[byte] = c;
      byte_of[c] = static_cast<int>(byte);
    }
  }
  std::array<char32_t, 256> char_of{};
  std::array<int, 0x144> byte_of{};  // 68 bytes are not printable
};

const ByteAlphabet& alphabet() {
  static const ByteAlphabet both;
  return both;
}

/// (left, right) to its merge by open addressing.
class PairTable {
 public:
  struct Slot {
    std::uint64_t key = UINT64_MAX;
    std::int32_t rank = INT32_MAX;
    TokenId merged = -1;
  };

  explicit PairTable(std::size_t expected) {
    std::size_t size = 16;
    while (size < 2 * expected) size *= 2;
    slots_.resize(size);
  }

  void insert(const Merge& merge, std::int32_t rank) {
    const std::uint64_t key = key_of(merge.left, merge.right);
    Slot& slot = slots_[place(key)];
    slot = {key, rank, merge.merged};  // of a pair written twice the later one holds
  }

  // A pair that does not merge has rank INT32_MAX.
  [[nodiscard]] const Slot& find(TokenId left, TokenId right) const {
    return slots_[place(key_of(left, right))];
  }

 private:
  static std::uint64_t key_of(TokenId left, TokenId right) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 |
           static_cast<std::uint32_t>(right);
  }
  [[nodiscard]] std::size_t place(std::uint64_t key) const {
    std::size_t i = mix64(key) & (slots_.size() - 1);
    while (slots_[i].key != key && slots_[i].key != UINT64_MAX) i = (i + 1) & (slots_.size() - 1);
    return i;
  }
  std::vector<Slot> slots_;
};

constexpr std::size_t kShort = 48;  // below, a scan for the lowest rank beats a queue

class Bpe final : public WordModel {
 public:
  Bpe(const std::vector<std::string>& tokens, const std::vector<Merge>& merges,
      const BpeOptions& options)
      : options_(options), words_(tokens.size()), pairs_(merges.size()) {
    byte_ids_.fill(-1);
    std::string bytes;
    std::vector<std::string> raw(tokens.size());
    for (std::size_t id = 0; id < tokens.size(); ++id) {
      if (!from_byte_alphabet(tokens[id], bytes) || bytes.empty()) continue;
      if (bytes.size() == 1)
        byte_ids_[static_cast<unsigned char>(bytes[0])] = static_cast<TokenId>(id);
      raw[id] = bytes;
    }
    for (std::size_t rank = 0; rank < merges.size(); ++rank) {
      pairs_.insert(merges[rank], static_cast<std::int32_t>(rank));
    }
    // A word that is a token is found by one look-up, but only where merging would end there too.
    std::vector<TokenId> merged;
    for (std::size_t id = 0; id < raw.size(); ++id) {
      if (raw[id].empty()) continue;
      merged.clear();
      if (!options.ignore_merges) merge(raw[id], merged);
      const bool whole = merged.size() == 1 && merged[0] == static_cast<TokenId>(id);
      if (options.ignore_merges || whole) words_.insert(raw[id], static_cast<TokenId>(id));
    }
  }

  void split(std::string_view word, std::vector<TokenId>& out) const override {
    const TokenId whole = words_.find(word);
    if (whole >= 0) {
      out.push_back(whole);
    } else {
      merge(word, out);
    }
  }

 private:
  void merge(std::string_view word, std::vector<TokenId>& out) const {
    if (word.size() <= kShort) {
      merge_short(word, out);
    } else {
      merge_long(word, out);
    }
  }

  // Calls put(id) for each initial symbol.
  template <class Put>
  void symbols(std::string_view word, Put put) const {
    bool unknown = false;
    for (const char byte : word) {
      const TokenId id = byte_ids_[static_cast<unsigned char>(byte)];
      if (id >= 0) {
        put(id);
      } else if (options_.unknown >= 0 && !(unknown && options_.fuse_unknown)) {
        put(options_.unknown);
      }
      unknown = id < 0;
    }
  }

  void merge_short(std::string_view word, std::vector<TokenId>& out) const {
    std::array<TokenId, kShort> ids{};
    std::array<PairTable::Slot, kShort> pairs{};  // pairs[i]: the merge of ids[i] and ids[i + 1]
    std::size_t count = 0;
    symbols(word, [&](TokenId id) { ids[count++] = id; });
    for (std::size_t i = 0; i + 1 < count; ++i) pairs[i] = pairs_.find(ids[i], ids[i + 1]);
    while (count > 1) {
      std::size_t best = 0;
      for (std::size_t i = 1; i + 1 < count; ++i) {
        if (pairs[i].rank < pairs[best].rank) best = i;
      }
      if (pairs[best].rank == INT32_MAX) break;
      ids[best] = pairs[best].merged;
      count -= 1;
      for (std::size_t i = best + 1; i < count; ++i) {
        ids[i] = ids[i + 1];
        pairs[i] = pairs[i + 1];
      }
      if (best + 1 < count) pairs[best] = pairs_.find(ids[best], ids[best + 1]);
      if (best > 0) pairs[best - 1] = pairs_.find(ids[best - 1], ids[best]);
    }
    out.insert(out.end(), ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count));
  }

  // A linked list of symbols and a queue of possible merges: n log n for a word of n bytes.
  void merge_long(std::string_view word, std::vector<TokenId>& out) const {
    struct Symbol {
      TokenId id;
      std::int32_t previous;
      std::int32_t next;
    };
    std::vector<Symbol> list;
    list.reserve(word.size());
    symbols(word, [&](TokenId id) {
      const auto at = static_cast<std::int32_t>(list.size());
      list.push_back({id, at - 1, at + 1});
    });
    if (list.empty()) return;
    list.back().next = -1;

    // A candidate is its rank and, below it, its place: the smallest is the next to merge.
    std::vector<std::uint64_t> found;
    const auto consider = [&](std::int32_t left, auto put) {
      const std::int32_t right = left < 0 ? -1 : list[static_cast<std::size_t>(left)].next;
      if (right < 0) return;
      const std::int32_t rank = pairs_
                                    .find(list[static_cast<std::size_t>(left)].id,
                                          list[static_cast<std::size_t>(right)].id)
                                    .rank;
      if (rank != INT32_MAX)
        put(static_cast<std::uint64_t>(rank) << 32U | static_cast<std::uint32_t>(left));
    };
    for (std::size_t i = 0; i < list.size(); ++i) {
      consider(static_cast<std::int32_t>(i), [&](std::uint64_t c) { found.push_back(c); });
    }
    std::priority_queue queue(std::greater<std::uint64_t>(), std::move(found));
    while (!queue.empty()) {
      const auto rank = static_cast<std::int32_t>(queue.top() >> 32U);
      const auto left = static_cast<std::int32_t>(queue.top() & UINT32_MAX);
      queue.pop();
      Symbol& symbol = list[static_cast<std::size_t>(left)];
      if (symbol.id < 0 || symbol.next < 0) continue;
      Symbol& right = list[static_cast<std::size_t>(symbol.next)];
      const PairTable::Slot& pair = pairs_.find(symbol.id, right.id);
      if (pair.rank != rank) continue;  // an earlier merge changed either side
      symbol.id = pair.merged;
      symbol.next = right.next;
      right.id = -1;
      if (symbol.next >= 0) list[static_cast<std::size_t>(symbol.next)].previous = left;
      consider(left, [&](std::uint64_t c) { queue.push(c); });
      consider(symbol.previous, [&](std::uint64_t c) { queue.push(c); });
    }
    for (const Symbol& symbol : list) {
      if (symbol.id >= 0) out.push_back(symbol.id);
    }
  }

  BpeOptions options_;
  StringTable words_;
  PairTable pairs_;
  std::array<TokenId, 256> byte_ids_{};
};

}  // namespace

std::unique_ptr<WordModel> make_bpe(const std::vector<std::string>& tokens,
                                    const std::vector<Merge>& merges, const BpeOptions& options) {
  return std::make_unique<Bpe>(tokens, merges, options);
}

std::string to_byte_alphabet(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) {
    unicode::append(out, alphabet().char_of[static_cast<unsigned char>(byte)]);
  }
  return out;
}

bool from_byte_alphabet(std::string_view text, std::string& bytes) {
  bytes.clear();
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = unicode::next(text, at);
    const int byte = c < alphabet().byte_of.size() ? alphabet().byte_of[c] : -1;
    if (byte < 0) return false;
    bytes.push_back(static_cast<char>(byte));
  }
  return true;
}

}  // namespace tutti::tokenizers
