#include "tutti/data/shared_texts.hpp"

#include "tutti/data/error.hpp"
#include "tutti/data/random.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <string_view>
#include <unordered_map>

namespace tutti {

namespace {

using Ids = std::span<const TokenId>;

/// Numbers texts in the order in which they come; a text that came before keeps its number.
class Numbering {
 public:
  explicit Numbering(bool share) : share_(share) {}

  std::int32_t of(Ids ids) {
    const auto next = static_cast<std::int32_t>(texts_.size());
    if (share_) {
      const std::string_view bytes(reinterpret_cast<const char*>(ids.data()), ids.size_bytes());
      const auto [found, added] = numbers_.emplace(bytes, next);
      if (!added) return found->second;
    }
    texts_.push_back(ids);
    return next;
  }

  [[nodiscard]] const std::vector<Ids>& texts() const noexcept { return texts_; }

 private:
  bool share_;
  std::unordered_map<std::string_view, std::int32_t> numbers_;  // of the callers' memory
  std::vector<Ids> texts_;
};

void check_split(std::size_t split, std::size_t tokens, Row row) {
  if (split > 0 && split < tokens) return;
  throw Error(Code::Data, "row " + std::to_string(row) + ": a text of a two-tower example is empty",
              "give every user and item a text");
}

// Not negative: a row below 0 is one that a caller left out.
Row digest_of(Ids ids) {
  std::uint64_t hash = ids.size();
  for (const TokenId id : ids) hash = mix64(hash ^ mix64(static_cast<std::uint64_t>(id)));
  return static_cast<Row>(hash >> 1);
}

struct TwoTexts {
  Row row;
  Ids ids;
  std::int32_t split;
};

template <class ExampleAt>
SharedBatch make_shared(std::size_t examples, const ExampleAt& example_at, bool share) {
  Numbering numbering(share);
  std::vector<std::int32_t> users;
  std::vector<std::int32_t> items;
  for (std::size_t e = 0; e < examples; ++e) {
    const TwoTexts two = example_at(e);
    const auto split = static_cast<std::size_t>(two.split);
    check_split(split, two.ids.size(), two.row);
    users.push_back(numbering.of(two.ids.first(split)));
    items.push_back(numbering.of(two.ids.subspan(split)));
  }
  const std::vector<Ids>& texts = numbering.texts();
  std::vector<std::size_t> order(texts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return texts[a].size() < texts[b].size(); });
  SharedBatch out;
  std::vector<std::int64_t> place(texts.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const Ids ids = texts[order[i]];
    place[order[i]] = static_cast<std::int64_t>(i);
    Tokens text;
    text.row = digest_of(ids);
    text.encoding.ids.assign(ids.begin(), ids.end());
    text.encoding.types.assign(ids.size(), 0);
    out.texts.append(text);
  }
  out.is_user.assign(texts.size(), 0);
  for (std::size_t e = 0; e < examples; ++e) {
    out.user_text.push_back(place[static_cast<std::size_t>(users[e])]);
    out.item_text.push_back(place[static_cast<std::size_t>(items[e])]);
    out.is_user[static_cast<std::size_t>(out.user_text.back())] = 1;
  }
  return out;
}

}  // namespace

void append_text(Batch& to, const Batch& from, std::size_t text) {
  const auto begin = from.offsets[text];
  const auto end = from.offsets[text + 1];
  Tokens tokens;
  tokens.row = from.rows[text];
  tokens.encoding.ids.assign(from.ids.begin() + begin, from.ids.begin() + end);
  tokens.encoding.types.assign(static_cast<std::size_t>(end - begin), 0);
  to.append(tokens);
}

TextShapes find_texts(std::span<const Tokens> examples) {
  TextShapes out;
  const bool two = !examples.empty() && examples.front().split > 0;
  Numbering numbering(true);
  for (const Tokens& example : examples) {
    TUTTI_ASSERT((example.split > 0) == two, "examples of one text beside examples of two");
    if (!two) continue;
    const Ids ids(example.encoding.ids);
    const auto split = static_cast<std::size_t>(example.split);
    check_split(split, ids.size(), example.row);
    out.user_text.push_back(numbering.of(ids.first(split)));
    out.item_text.push_back(numbering.of(ids.subspan(split)));
  }
  for (const Ids& text : numbering.texts()) {
    out.lengths.push_back(static_cast<std::int32_t>(text.size()));
  }
  return out;
}

SharedBatch share_texts(const Batch& batch, bool share) {
  return make_shared(
      batch.rows.size(),
      [&](std::size_t e) {
        const auto begin = static_cast<std::size_t>(batch.offsets[e]);
        const auto end = static_cast<std::size_t>(batch.offsets[e + 1]);
        return TwoTexts{batch.rows[e], Ids(batch.ids).subspan(begin, end - begin), batch.splits[e]};
      },
      share);
}

SharedBatch share_texts(std::span<const Tokens> examples) {
  return make_shared(
      examples.size(),
      [&](std::size_t e) {
        return TwoTexts{examples[e].row, Ids(examples[e].encoding.ids), examples[e].split};
      },
      true);
}

}  // namespace tutti
