#include "tutti/data/split.hpp"

#include <algorithm>

namespace tutti {
namespace {

/// Each user's own time: the latest part of every history is the test, the part before it the
/// validation. Every user keeps at least one training row.
class ByUserTime : public Splitter {
 public:
  [[nodiscard]] std::vector<Part> split(const Interactions& rows, const SplitOptions& options,
                                        std::uint64_t /*seed*/) const override {
    expect_times(rows, "user-time");
    std::vector<Part> parts(static_cast<std::size_t>(rows.size()), Part::Train);
    for (const std::vector<Row>& history : rows_by_user(rows)) {
      const auto size = static_cast<Row>(history.size());
      if (size == 0) continue;
      const Row test = std::min(rows_of(options.test, size), size - 1);
      const Row validation = std::min(rows_of(options.validation, size), size - 1 - test);
      for (Row i = size - test - validation; i < size; ++i) {
        parts[static_cast<std::size_t>(history[static_cast<std::size_t>(i)])] =
            i < size - test ? Part::Validation : Part::Test;
      }
    }
    return parts;
  }
};

const bool registered =
    SplitterRegistry::add("user-time", "the latest part of every user's history",
                          [] { return std::make_unique<ByUserTime>(); });

}  // namespace
}  // namespace tutti
