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
    const std::vector<Row> sizes = rows_of_users(rows);
    std::vector<Row> seen(sizes.size(), 0);
    std::size_t row = 0;
    for (const std::int32_t user : rows.user) {
      const Row size = sizes[static_cast<std::size_t>(user)];
      const Row place = seen[static_cast<std::size_t>(user)]++;
      const Row test = std::min(rows_of(options.test, size), size - 1);
      const Row validation = std::min(rows_of(options.validation, size), size - 1 - test);
      Part& part = parts[row++];
      if (place >= size - test) {
        part = Part::Test;
      } else if (place >= size - test - validation) {
        part = Part::Validation;
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
