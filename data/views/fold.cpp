#include "tutti/data/error.hpp"
#include "tutti/data/random.hpp"
#include "tutti/data/views/view.hpp"

#include <string>
#include <utility>

namespace tutti {

int fold_of(std::uint64_t seed, Row row, int of) {
  return static_cast<int>(Random(seed, "fold", {static_cast<std::uint64_t>(row)})
                              .below(static_cast<std::uint64_t>(of)));
}

ViewPtr fold_view(ViewPtr base, int fold, int of, std::uint64_t seed) {
  if (of < 2 || fold < 0 || fold >= of) {
    throw Error(Code::Config, "data.fold is " + std::to_string(fold) + " of " + std::to_string(of),
                "a fold is one of 0 .. of-1, and there are at least two");
  }
  auto picks = positions_where(*base, [&](Row row) { return fold_of(seed, row, of) != fold; });
  return select(std::move(base), std::move(picks));
}

}  // namespace tutti
