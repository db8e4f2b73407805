#pragma once

// Only for the .cpp files of the MPI communicator: this header includes mpi.h.

#include "tutti/train/comm/mpi_wait.hpp"
#include "tutti/train/communicator.hpp"

#include <mpi.h>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

namespace tutti::detail {

/// One step of an operation: starts requests, which the next step waits for. Holds what they use.
using MpiStage = std::function<void(std::vector<MPI_Request>&)>;

class MpiPending;

/// The operations of a group that are under way. Whoever waits for one moves all of them on: ranks
/// may wait in different orders, and a later stage of one rank feeds another's.
struct MpiFlights {
  std::vector<MpiPending*> under_way;
  bool broken = false;  ///< MPI has failed or a time-out has passed: a request may still be open
  void advance();
};

/// An operation in stages, the first of which starts at once.
class MpiPending final : public Pending {
 public:
  MpiPending(std::deque<MpiStage> stages, const MpiCall& call, std::chrono::milliseconds timeout,
             MpiFlights& flights);
  ~MpiPending() override;
  MpiPending(const MpiPending&) = delete;
  MpiPending& operator=(const MpiPending&) = delete;

  bool test() override;
  void wait() override { wait(true); }
  /// Not eager: cheap polls, where a peer may be long in coming.
  void wait(bool eager);

 private:
  friend struct MpiFlights;
  // True when this was its last stage.
  bool advance();

  struct State;
  std::unique_ptr<State> state_;
  MpiCall call_;
  std::chrono::milliseconds timeout_;
  MpiFlights& flights_;
};

}  // namespace tutti::detail
