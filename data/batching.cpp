#include "tutti/data/batching.hpp"

#include "tutti/data/error.hpp"
#include "tutti/data/random.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

namespace tutti {

namespace {

constexpr std::int64_t kWindowBatches = 32;
constexpr std::int64_t kPiecesOfABatch = 8;

/// What stays together: an example, or examples of one user.
struct Unit {
  std::int64_t tokens = 0;
  std::vector<std::int32_t> examples;
};

/// How full a batch is: in tokens, or in examples.
struct Budget {
  bool by_examples;
  std::int64_t limit;

  [[nodiscard]] std::int64_t cost(const Unit& unit) const {
    return by_examples ? static_cast<std::int64_t>(unit.examples.size()) : unit.tokens;
  }
};

// What stays together in a batch: a user's examples, or those that show one user's text.
const std::vector<std::int32_t>& groups_of(const ExampleShapes& shapes) {
  return shapes.users.empty() ? shapes.texts.user_text : shapes.users;
}

std::int64_t length_of(const ExampleShapes& shapes, std::int32_t example) {
  return shapes.lengths[static_cast<std::size_t>(example)];
}

// Pieces of each user's examples, in the shuffled order of the examples, so that a piece of a long
// history is a sample of it.
std::vector<Unit> user_units(const ExampleShapes& shapes, std::span<const std::int32_t> shuffled,
                             const Budget& budget) {
  const std::int64_t piece = std::max<std::int64_t>(1, budget.limit / kPiecesOfABatch);
  std::vector<Unit> units;
  std::map<std::int32_t, std::size_t> open;  // user -> the unit that takes its next example
  for (const std::int32_t example : shuffled) {
    const std::int32_t user = shapes.users[static_cast<std::size_t>(example)];
    const auto found = open.find(user);
    // Two examples at least: a ranking loss compares within a user.
    const bool full = found != open.end() && units[found->second].examples.size() >= 2 &&
                      budget.cost(units[found->second]) >= piece;
    if (found == open.end() || full) {
      open[user] = units.size();
      units.emplace_back();
    }
    Unit& unit = units[open[user]];
    unit.tokens += length_of(shapes, example);
    unit.examples.push_back(example);
  }
  return units;
}

std::vector<Unit> example_units(const ExampleShapes& shapes,
                                std::span<const std::int32_t> shuffled) {
  std::vector<Unit> units;
  units.reserve(shuffled.size());
  for (const std::int32_t example : shuffled) {
    units.push_back({length_of(shapes, example), {example}});
  }
  return units;
}

double mean_length(const Unit& unit) {
  return static_cast<double>(unit.tokens) / static_cast<double>(unit.examples.size());
}

void sort_windows(std::vector<Unit>& units, const Budget& budget) {
  for (auto begin = units.begin(); begin != units.end();) {
    std::int64_t cost = 0;
    auto end = begin;
    while (end != units.end() && cost < kWindowBatches * budget.limit) cost += budget.cost(*end++);
    std::stable_sort(begin, end,
                     [](const Unit& a, const Unit& b) { return mean_length(a) < mean_length(b); });
    begin = end;
  }
}

// Pieces of one group that met in one batch side by side.
void join_groups(const std::vector<std::int32_t>& groups, IndexBatch& batch) {
  std::map<std::int32_t, std::int32_t> place;  // group -> order of first appearance
  const auto group_of = [&](std::int32_t example) {
    return groups[static_cast<std::size_t>(example)];
  };
  for (const std::int32_t example : batch) {
    place.emplace(group_of(example), static_cast<std::int32_t>(place.size()));
  }
  std::stable_sort(batch.begin(), batch.end(), [&](std::int32_t a, std::int32_t b) {
    return place[group_of(a)] < place[group_of(b)];
  });
}

/// Ends of the units of a batch: positions after which it may be cut.
std::vector<std::size_t> unit_ends(const ExampleShapes& shapes,
                                   std::span<const std::int32_t> batch) {
  const std::vector<std::int32_t>& groups = groups_of(shapes);
  std::vector<std::size_t> ends;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const bool together = !groups.empty() && i + 1 < batch.size() &&
                          groups[static_cast<std::size_t>(batch[i])] ==
                              groups[static_cast<std::size_t>(batch[i + 1])];
    if (!together) ends.push_back(i + 1);
  }
  return ends;
}

// Cuts into `parts` contiguous parts: a unit goes to the part that its middle token falls into.
std::vector<std::span<const std::int32_t>> cut_evenly(const ExampleShapes& shapes,
                                                      std::span<const std::int32_t> batch,
                                                      std::int64_t parts) {
  const std::vector<std::size_t> ends = unit_ends(shapes, batch);
  std::vector<std::int64_t> tokens;  // [unit]
  std::int64_t total = 0;
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    tokens.push_back(tokens_to_read(shapes, batch.subspan(begin, end - begin)));
    total += tokens.back();
    begin = end;
  }
  std::vector<std::size_t> part_ends(static_cast<std::size_t>(parts), 0);
  std::int64_t before = 0;
  for (std::size_t u = 0; u < ends.size(); ++u) {
    const std::int64_t part = std::min(parts - 1, (2 * before + tokens[u]) * parts / (2 * total));
    part_ends[static_cast<std::size_t>(part)] = ends[u];
    before += tokens[u];
  }
  std::vector<std::span<const std::int32_t>> out;
  begin = 0;
  for (const std::size_t end : part_ends) {
    const std::size_t stop = std::max(begin, end);
    out.push_back(batch.subspan(begin, stop - begin));
    begin = stop;
  }
  return out;
}

/// Counts tokens of a growing set of examples, each text once.
class DistinctTokens {
 public:
  explicit DistinctTokens(const TextShapes& texts)
      : texts_(texts), seen_(texts.lengths.size(), 0) {}

  void clear() { ++round_; }

  /// What `examples` add; they count as seen from now on.
  std::int64_t add(std::span<const std::int32_t> examples) {
    std::int64_t sum = 0;
    for (const std::int32_t example : examples) {
      const auto e = static_cast<std::size_t>(example);
      for (const std::int32_t text : {texts_.user_text[e], texts_.item_text[e]}) {
        const auto t = static_cast<std::size_t>(text);
        if (seen_[t] != round_) sum += texts_.lengths[t];
        seen_[t] = round_;
      }
    }
    return sum;
  }

 private:
  const TextShapes& texts_;
  std::vector<std::int64_t> seen_;  // [text] round in which it was
  std::int64_t round_ = 1;
};

// Pieces of each group's examples, of at most about a quarter of a batch: small enough that ranks
// get even shares, large enough that a user's text is rarely read twice.
std::vector<Unit> text_units(const ExampleShapes& shapes, std::vector<std::int32_t> shuffled,
                             const Budget& budget) {
  const std::int64_t piece = std::max<std::int64_t>(1, budget.limit / 4);
  const std::vector<std::int32_t>& groups = groups_of(shapes);
  const auto group_of = [&](std::int32_t e) { return groups[static_cast<std::size_t>(e)]; };
  std::stable_sort(shuffled.begin(), shuffled.end(),
                   [&](std::int32_t a, std::int32_t b) { return group_of(a) < group_of(b); });
  DistinctTokens seen(shapes.texts);
  std::vector<Unit> units;
  for (const std::int32_t example : shuffled) {
    // Two examples at least: a ranking loss compares within a user.
    const bool full =
        !units.empty() && units.back().examples.size() >= 2 && budget.cost(units.back()) >= piece;
    if (units.empty() || full || group_of(units.back().examples.back()) != group_of(example)) {
      units.emplace_back();
      seen.clear();
    }
    units.back().tokens += seen.add({&example, 1});
    units.back().examples.push_back(example);
  }
  return units;
}

// Batches of units drawn at random, each filled as far as its texts, counted once, go.
std::vector<IndexBatch> form_text_batches(const ExampleShapes& shapes, const Budget& budget,
                                          const std::vector<std::int32_t>& order, Random& random) {
  std::vector<Unit> units = text_units(shapes, order, budget);
  random.shuffle(std::span(units));
  DistinctTokens seen(shapes.texts);
  std::vector<IndexBatch> batches;
  std::int64_t cost = 0;
  for (const Unit& unit : units) {
    const auto examples = static_cast<std::int64_t>(unit.examples.size());
    std::int64_t more = seen.add(unit.examples);
    if (budget.by_examples) more = examples;
    if (batches.empty() || cost + more > budget.limit) {
      batches.emplace_back();
      seen.clear();
      more = seen.add(unit.examples);
      if (budget.by_examples) more = examples;
      cost = 0;
    }
    cost += more;
    batches.back().insert(batches.back().end(), unit.examples.begin(), unit.examples.end());
  }
  for (IndexBatch& batch : batches) join_groups(groups_of(shapes), batch);
  random.shuffle(std::span(batches));
  return batches;
}

}  // namespace

std::int64_t tokens_to_read(const ExampleShapes& shapes, std::span<const std::int32_t> examples) {
  std::int64_t sum = 0;
  if (shapes.texts.lengths.empty()) {
    for (const std::int32_t example : examples) sum += length_of(shapes, example);
    return sum;
  }
  std::vector<std::int32_t> texts;
  texts.reserve(2 * examples.size());
  for (const std::int32_t example : examples) {
    texts.push_back(shapes.texts.user_text[static_cast<std::size_t>(example)]);
    texts.push_back(shapes.texts.item_text[static_cast<std::size_t>(example)]);
  }
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  for (const std::int32_t text : texts) {
    sum += shapes.texts.lengths[static_cast<std::size_t>(text)];
  }
  return sum;
}

std::vector<IndexBatch> form_batches(const ExampleShapes& shapes, const BatchingOptions& options) {
  const Budget budget{options.batch_examples > 0,
                      options.batch_examples > 0 ? options.batch_examples : options.batch_tokens};
  TUTTI_ASSERT(budget.limit > 0, "a batch of no tokens");
  TUTTI_ASSERT(shapes.users.empty() || shapes.users.size() == shapes.lengths.size(),
               "users and lengths differ in number");
  std::vector<std::int32_t> order(shapes.lengths.size());
  std::iota(order.begin(), order.end(), 0);
  Random random(options.seed, "batches", {options.epoch});
  random.shuffle(std::span(order));
  if (!shapes.texts.lengths.empty()) return form_text_batches(shapes, budget, order, random);

  const bool by_user = !shapes.users.empty();
  std::vector<Unit> units =
      by_user ? user_units(shapes, order, budget) : example_units(shapes, order);
  if (by_user) random.shuffle(std::span(units));  // units came in the order of their first example
  sort_windows(units, budget);

  std::vector<IndexBatch> batches;
  std::int64_t cost = 0;
  for (const Unit& unit : units) {
    if (batches.empty() || cost + budget.cost(unit) > budget.limit) {
      batches.emplace_back();
      cost = 0;
    }
    cost += budget.cost(unit);
    batches.back().insert(batches.back().end(), unit.examples.begin(), unit.examples.end());
  }
  if (by_user) {
    for (IndexBatch& batch : batches) join_groups(shapes.users, batch);
  }
  random.shuffle(std::span(batches));
  return batches;
}

std::span<const std::int32_t> share_of_rank(const ExampleShapes& shapes,
                                            std::span<const std::int32_t> batch, int rank,
                                            int world_size) {
  TUTTI_ASSERT(rank >= 0 && rank < world_size, "share of a rank that is not in the group");
  return cut_evenly(shapes, batch, world_size)[static_cast<std::size_t>(rank)];
}

std::vector<std::span<const std::int32_t>> micro_batches(const ExampleShapes& shapes,
                                                         std::span<const std::int32_t> share,
                                                         std::int64_t tokens) {
  if (share.empty()) return {};
  if (tokens <= 0 || tokens_to_read(shapes, share) <= tokens) return {share};
  // The least number of parts that may do; units are not divisible, so it may take more.
  for (std::int64_t parts = (tokens_to_read(shapes, share) + tokens - 1) / tokens;; ++parts) {
    std::vector<std::span<const std::int32_t>> out = cut_evenly(shapes, share, parts);
    std::erase_if(out, [](const auto& part) { return part.empty(); });
    const bool fits = std::all_of(out.begin(), out.end(), [&](const auto& part) {
      return tokens_to_read(shapes, part) <= tokens || unit_ends(shapes, part).size() == 1;
    });
    if (fits) return out;
  }
}

std::vector<IndexBatch> form_scoring_batches(std::span<const std::int32_t> lengths,
                                             std::int64_t tokens) {
  std::vector<std::int32_t> order(lengths.size());
  std::iota(order.begin(), order.end(), 0);
  const auto length = [&](std::int32_t i) { return lengths[static_cast<std::size_t>(i)]; };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int32_t a, std::int32_t b) { return length(a) < length(b); });
  std::vector<IndexBatch> batches;
  std::int64_t filled = 0;
  for (const std::int32_t example : order) {
    if (batches.empty() || filled + length(example) > tokens) {
      batches.emplace_back();
      filled = 0;
    }
    filled += length(example);
    batches.back().push_back(example);
  }
  return batches;
}

}  // namespace tutti
