#include "tutti/data/error.hpp"
#include "tutti/data/random.hpp"
#include "tutti/data/views/view.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <string>
#include <utility>

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
  std::vector<Row> picks(static_cast<std::size_t>(base->size()));
  std::iota(picks.begin(), picks.end(), Row{0});
  Random(seed, "fraction " + member).shuffle(std::span(picks));
  picks.resize(static_cast<std::size_t>(take));
  std::sort(picks.begin(), picks.end());
  return select(std::move(base), std::move(picks));
}

}  // namespace tutti
