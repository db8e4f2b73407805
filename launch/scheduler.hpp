#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace tutti {

/// What the scheduler must know of a member.
struct Demand {
  int ranks = 1;
  double work = 0;  ///< expected, in any unit
};

/// A member and the ranks that train it, in ascending order.
struct Assignment {
  int member = -1;
  std::vector<int> ranks;
};

/// Which member goes to which ranks, and when: pure logic, no MPI, no clock.
///
/// The longest expected member goes first, as soon as enough ranks are free; ties go to the earlier
/// member. A member that waits for ranks is not overtaken, so that it cannot starve. What a member
/// learns does not depend on any of this.
class Scheduler {
 public:
  explicit Scheduler(std::vector<Demand> members);

  /// The rank has nothing to do.
  void add_free(int rank);
  /// The next assignment that can start now, if any; its ranks are taken.
  [[nodiscard]] std::optional<Assignment> next();
  /// No member is left to assign.
  [[nodiscard]] bool all_assigned() const noexcept { return position_ == order_.size(); }
  /// Members, longest first.
  [[nodiscard]] const std::vector<int>& order() const noexcept { return order_; }

 private:
  std::vector<Demand> members_;
  std::vector<int> order_;
  std::size_t position_ = 0;
  std::vector<int> free_;  // sorted
};

}  // namespace tutti
