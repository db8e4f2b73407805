#include "tutti/data/split.hpp"

namespace tutti {
namespace {

/// Global time: the latest rows are the test, those before them the validation. Rows of one second
/// stay in store order.
class ByTime : public Splitter {
 public:
  [[nodiscard]] std::vector<Part> split(const Interactions& rows, const SplitOptions& options,
                                        std::uint64_t /*seed*/) const override {
    expect_times(rows, "time");
    const Row size = rows.size();
    const Row test = rows_of(options.test, size);
    const Row validation = rows_of(options.validation, size);
    std::vector<Part> parts(static_cast<std::size_t>(size), Part::Train);
    for (Row r = size - test - validation; r < size; ++r) {
      parts[static_cast<std::size_t>(r)] = r < size - test ? Part::Validation : Part::Test;
    }
    return parts;
  }
};

const bool registered = SplitterRegistry::add(
    "time", "global time: train on the past, validate and test on what came later",
    [] { return std::make_unique<ByTime>(); });

}  // namespace
}  // namespace tutti
