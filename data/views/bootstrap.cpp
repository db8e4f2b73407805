#include "tutti/data/random.hpp"
#include "tutti/data/views/view.hpp"

#include <algorithm>
#include <utility>

namespace tutti {

ViewPtr bootstrap_view(ViewPtr base, std::uint64_t seed, const std::string& member) {
  Random random(seed, "bootstrap " + member);
  std::vector<Row> picks(static_cast<std::size_t>(base->size()));
  for (Row& pick : picks) pick = static_cast<Row>(random.below(picks.size()));
  std::sort(picks.begin(), picks.end());
  return select(std::move(base), std::move(picks));
}

}  // namespace tutti
