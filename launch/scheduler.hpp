#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace tutti {

/// What the scheduler must know of a member.
struct Demand {
  int ranks = 1;
  double work = 0;  ///< expected time of such a group, in any unit
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

/// When and where a member runs in a schedule that keeps to expectations.
struct Played {
  double start = 0;
  double end = 0;
  std::vector<int> ranks;
};

struct PlayedSchedule {
  std::vector<Played> members;  ///< [member]
  double end = 0;               ///< of the last member
  double idle = 0;              ///< share of the ranks' time until then that nobody uses
};

/// Plays the scheduler over `ranks` ranks.
PlayedSchedule play(const std::vector<Demand>& members, int ranks);

/// Group sizes for members that leave it open (ranks 0; `work` is then, as for the others here, the
/// time on one rank). Members first: all begin with one rank, and while more than kIdle of the
/// ranks' time is idle, the member that ends last gets one more. Ranks that a short member would
/// leave idle so go to a long one. Gives groups and their times, taken to fall as 1 / ranks.
std::vector<Demand> with_ranks(const std::vector<Demand>& members, int ranks);
constexpr double kIdle = 0.05;

}  // namespace tutti
