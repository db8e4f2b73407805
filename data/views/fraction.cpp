#include "tutti/data/error.hpp"
#include "tutti/data/random.hpp"
#include "tutti/data/views/view.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tutti {

ViewPtr fraction_view(ViewPtr base, double fraction, std::int64_t most, std::uint64_t seed,
                      const std::string& member) {
  if (!(fraction > 0 && fraction <= 1)) {
    throw Error(Code::Config, "data.fraction is " + std::to_string(fraction),
                "it is above 0 and at most 1");
  }
  if (most < 0) {
    throw Error(Code::Config, "data.max_examples is " + std::to_string(most), "0 means all");
  }
  auto take = static_cast<Row>(std::llround(fraction * static_cast<double>(base->size())));
  if (most > 0) take = std::min(take, static_cast<Row>(most));
  // Four bytes a training row, while it draws.
  TUTTI_ASSERT(base->size() <= std::numeric_limits<std::int32_t>::max(), "too many rows to draw");
  std::vector<std::int32_t> order(static_cast<std::size_t>(base->size()));
  std::iota(order.begin(), order.end(), 0);
  Random(seed, "fraction " + member).shuffle(std::span(order));
  std::vector<bool> taken(order.size(), false);
  for (Row i = 0; i < take; ++i) {
    taken[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])] = true;
  }
  RowSet picks;
  for (const bool one : taken) picks.append(one);
  return select(std::move(base), std::move(picks));
}

}  // namespace tutti
