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
    const Row tests = options.test > 0 ? 1 : 0;
    const Row taken = tests + (options.validation > 0 ? 1 : 0);
    std::vector<Row> left = rows_of_users(rows);  // of each user, this row and later
    for (Row& size : left) {
      if (size <= taken) size = 0;  // gives none
    }
    std::size_t row = 0;
    for (const std::int32_t user : rows.user) {
      const Row from_last = left[static_cast<std::size_t>(user)]--;
      Part& part = parts[row++];
      if (from_last >= 1 && from_last <= taken) {
        part = from_last <= tests ? Part::Test : Part::Validation;
      }
    }
    return parts;
  }
};

const bool registered =
    SplitterRegistry::add("leave-last-out", "every user's last row, and the one before it",
                          [] { return std::make_unique<LeaveLastOut>(); });

}  // namespace
}  // namespace tutti
