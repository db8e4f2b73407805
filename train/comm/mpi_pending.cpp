#include "tutti/train/comm/mpi_pending.hpp"

#include <utility>

namespace tutti::detail {

struct MpiPending::State {
  std::deque<MpiStage> stages;  ///< the first one's requests are under way
  std::vector<MPI_Request> requests;
};

void MpiFlights::advance() {
  std::erase_if(under_way, [](MpiPending* pending) { return pending->advance(); });
}

MpiPending::MpiPending(std::deque<MpiStage> stages, const MpiCall& call,
                       std::chrono::milliseconds timeout, MpiFlights& flights)
    : state_(std::make_unique<State>()), call_(call), timeout_(timeout), flights_(flights) {
  state_->stages = std::move(stages);
  if (state_->stages.empty()) return;
  state_->stages.front()(state_->requests);
  flights_.under_way.push_back(this);
}

MpiPending::~MpiPending() {
  if (state_->stages.empty()) return;
  std::erase(flights_.under_way, this);
  // MPI may still write to its buffers. The job ends after a broken group: keep them until then.
  flights_.broken = true;
  static_cast<void>(state_.release());
}

bool MpiPending::advance() {
  while (!state_->stages.empty()) {
    int done = 0;
    mpi_check(MPI_Testall(static_cast<int>(state_->requests.size()), state_->requests.data(), &done,
                          MPI_STATUSES_IGNORE),
              call_);
    if (done == 0) return false;
    state_->requests.clear();
    state_->stages.pop_front();
    if (!state_->stages.empty()) state_->stages.front()(state_->requests);
  }
  return true;
}

bool MpiPending::test() {
  if (state_->stages.empty()) return true;
  try {
    flights_.advance();
  } catch (...) {
    flights_.broken = true;
    throw;
  }
  return state_->stages.empty();
}

void MpiPending::wait(bool eager) {
  try {
    mpi_wait([this] { return test(); }, timeout_, eager, call_);
  } catch (...) {
    flights_.broken = true;
    throw;
  }
}

}  // namespace tutti::detail
