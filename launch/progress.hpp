#pragma once

#include "tutti/launch/messages.hpp"

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace tutti {

/// Shows how members get on, on standard error: on a terminal one line that changes in place,
/// otherwise a plain line a member every ten seconds.
class ProgressDisplay {
 public:
  explicit ProgressDisplay(std::vector<std::string> names);
  /// nullptr: nothing new, but time has passed.
  void update(const Progress* progress);
  /// A member ended: its line goes and what became of it stays.
  void done(const Done& done);
  void close();

 private:
  using Clock = std::chrono::steady_clock;
  void draw();

  std::vector<std::string> names_;
  bool terminal_;
  std::map<int, Progress> active_;
  std::map<int, Clock::time_point> begun_;  // of the stage that is shown
  Clock::time_point drawn_{};
  std::size_t width_ = 0;
  std::size_t finished_ = 0;
};

/// "train 120/400 loss 0.5312, 85 examples/s, 6200 tokens/s, 33 s left"
std::string progress_text(const Progress& progress, double seconds_in_stage);

}  // namespace tutti
