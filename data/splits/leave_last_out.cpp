#include "tutti/data/split.hpp"

namespace tutti {
namespace {

/// Each user's last row is the test and the one before it the validation; a fraction of 0 leaves
/// that part out, other fractions do not matter. Users need one more row than is taken from them.
class LeaveLastOut : public Splitter {
 public:
  [[nodiscard]] std::vector<Part> split(const Interactions& rows, const SplitOptions& options,
                                        std::uint64_t /*seed*/) const override {
    expect_times(rows, "leave-last-out");
    std::vector<Part> parts(static_cast<std::size_t>(rows.size()), Part::Train);
    for (const std::vector<Row>& history : rows_by_user(rows)) {
      std::size_t left = history.size();
      const std::size_t taken = (options.test > 0 ? 1U : 0U) + (options.validation > 0 ? 1U : 0U);
      if (left <= taken) continue;
      if (options.test > 0) parts[static_cast<std::size_t>(history[--left])] = Part::Test;
      if (options.validation > 0)
        parts[static_cast<std::size_t>(history[--left])] = Part::Validation;
    }
    return parts;
  }
};

const bool registered =
    SplitterRegistry::add("leave-last-out", "every user's last row, and the one before it",
                          [] { return std::make_unique<LeaveLastOut>(); });

}  // namespace
}  // namespace tutti
