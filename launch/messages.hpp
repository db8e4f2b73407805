#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace tutti {

/// What coordinator and workers say to each other. Each is JSON on the wire, with a version; plain
/// enough to be a file instead of a message.

/// Worker to coordinator: this rank has nothing to do.
struct Hello {
  int rank = 0;
  std::string host;
};

/// Coordinator to workers: train this member as a group of these ranks.
struct Assign {
  int member = 0;
  std::vector<int> ranks;
  int serial = 0;  ///< counts assignments: tags the group, so that two never mix
};

/// Group leader to coordinator.
struct Progress {
  int member = 0;
  std::string stage;  ///< pretrain | train | predict
  std::int64_t step = 0;
  std::int64_t steps = 0;
  double loss = 0;  ///< NaN travels as null
  double examples_per_second = 0;
  double tokens_per_second = 0;
};

/// Group leader to coordinator: how a member ended.
struct Done {
  int member = 0;
  bool trained = false;
  int code = 0;        ///< of the error, where it failed
  std::string reason;  ///< where it failed
  std::int64_t step = 0;
  std::int64_t steps = 0;
  double last_loss = 0;
  double parameters = 0;
  double layers = 0;
  std::int64_t training_rows = 0;
  double seconds = 0;
  std::vector<int> ranks;
};

/// Coordinator to workers: leave, with this exit code.
struct Stop {
  int code = 0;
};

using JobMessage = std::variant<Hello, Assign, Progress, Done, Stop>;

std::string to_json(const JobMessage& message);
/// Throws Error(Internal) for a text that is no message of this version: ranks of two builds meet.
JobMessage message_from_json(const std::string& text);

}  // namespace tutti
