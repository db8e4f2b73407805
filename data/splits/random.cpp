#include "tutti/data/random.hpp"

#include "tutti/data/error.hpp"
#include "tutti/data/split.hpp"

#include <limits>
#include <numeric>
#include <span>

namespace tutti {
namespace {

/// Rows drawn at random. Training rows may then be later than test rows: good for comparisons with
/// older papers, not for a claim about the future.
class ByRandom : public Splitter {
 public:
  [[nodiscard]] std::vector<Part> split(const Interactions& rows, const SplitOptions& options,
                                        std::uint64_t seed) const override {
    TUTTI_ASSERT(rows.size() <= std::numeric_limits<std::int32_t>::max(), "too many rows to draw");
    std::vector<std::int32_t> order(static_cast<std::size_t>(rows.size()));
    std::iota(order.begin(), order.end(), 0);
    Random(seed, "split").shuffle(std::span(order));
    const Row test = rows_of(options.test, rows.size());
    const Row held = test + rows_of(options.validation, rows.size());
    std::vector<Part> parts(order.size(), Part::Train);
    for (Row i = 0; i < held; ++i) {
      parts[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])] =
          i < test ? Part::Test : Part::Validation;
    }
    return parts;
  }
};

const bool registered = SplitterRegistry::add("random", "rows drawn at random by the seed",
                                              [] { return std::make_unique<ByRandom>(); });

}  // namespace
}  // namespace tutti
