#include "tutti/train/comm/mpi.hpp"

#include "tutti/data/error.hpp"
#include "tutti/train/comm/mpi_communicator.hpp"
#include "tutti/train/comm/mpi_wait.hpp"

#include <mpi.h>

#include <climits>
#include <cstdlib>
#include <list>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace tutti {

using detail::mpi_check;
using detail::MpiCall;

namespace {

constexpr int kMessageTag = 1;
// How long the destructor lets messages drain that nobody has received.
constexpr auto kDrain = std::chrono::seconds(5);

struct Outgoing {
  std::string bytes;
  MPI_Request request = MPI_REQUEST_NULL;
};

}  // namespace

struct MpiWorld::Impl {
  MpiOptions options;
  int rank = 0;
  int world_size = 1;
  int local_rank = 0;
  std::vector<int> host_of;           ///< [rank]: the first rank of its host
  MPI_Comm groups = MPI_COMM_NULL;    ///< what world() and create_group start from
  MPI_Comm messages = MPI_COMM_NULL;  ///< its own, so that no collective meets a message
  std::mutex mutex;                   ///< of outgoing
  std::list<Outgoing> outgoing;       ///< a list: MPI reads from the strings, which must not move

  [[nodiscard]] MpiCall call(const char* operation) const { return {rank, world_size, operation}; }

  void start() {
    int provided = MPI_THREAD_SINGLE;
    mpi_check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided),
              call("MPI_Init_thread"));
    if (provided < MPI_THREAD_MULTIPLE) {
      throw Error(Code::Config, "this MPI gives thread level " + std::to_string(provided),
                  "use an MPI with MPI_THREAD_MULTIPLE: the coordinator is a thread");
    }
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    mpi_check(MPI_Comm_rank(MPI_COMM_WORLD, &rank), call("MPI_Comm_rank"));
    mpi_check(MPI_Comm_size(MPI_COMM_WORLD, &world_size), call("MPI_Comm_size"));
    groups = duplicate();
    messages = duplicate();
    MPI_Comm machine = MPI_COMM_NULL;
    mpi_check(
        MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &machine),
        call("MPI_Comm_split_type"));
    mpi_check(MPI_Comm_rank(machine, &local_rank), call("MPI_Comm_rank"));
    int first = rank;
    mpi_check(MPI_Bcast(&first, 1, MPI_INT, 0, machine), call("MPI_Bcast"));
    MPI_Comm_free(&machine);
    host_of.resize(static_cast<std::size_t>(world_size));
    mpi_check(MPI_Allgather(&first, 1, MPI_INT, host_of.data(), 1, MPI_INT, MPI_COMM_WORLD),
              call("MPI_Allgather"));
  }

  [[nodiscard]] MPI_Comm duplicate() const {
    MPI_Comm copy = MPI_COMM_NULL;
    mpi_check(MPI_Comm_dup(MPI_COMM_WORLD, &copy), call("MPI_Comm_dup"));
    MPI_Comm_set_errhandler(copy, MPI_ERRORS_RETURN);
    return copy;
  }

  // Forgets what has been sent. Under the mutex.
  void collect_sent() {
    for (auto it = outgoing.begin(); it != outgoing.end();) {
      int done = 0;
      mpi_check(MPI_Test(&it->request, &done, MPI_STATUS_IGNORE), call("send"));
      it = done != 0 ? outgoing.erase(it) : std::next(it);
    }
  }

  void drain() {
    const auto end = std::chrono::steady_clock::now() + kDrain;
    while (!outgoing.empty() && std::chrono::steady_clock::now() < end) {
      collect_sent();
      std::this_thread::yield();
    }
  }
};

MpiWorld::MpiWorld(const MpiOptions& options) : impl_(std::make_unique<Impl>()) {
  impl_->options = options;
  impl_->start();
}

MpiWorld::~MpiWorld() {
  try {
    impl_->drain();
  } catch (const Error&) {
    // Nobody is left to tell: MPI_Finalize comes next, and its own failure ends the process.
  }
  if (impl_->outgoing.empty()) MPI_Comm_free(&impl_->messages);
  MPI_Comm_free(&impl_->groups);
  MPI_Finalize();
}

int MpiWorld::rank() const noexcept { return impl_->rank; }
int MpiWorld::world_size() const noexcept { return impl_->world_size; }
int MpiWorld::local_rank() const noexcept { return impl_->local_rank; }

std::string MpiWorld::host() const {
  char name[MPI_MAX_PROCESSOR_NAME] = "";
  int length = 0;
  mpi_check(MPI_Get_processor_name(name, &length), impl_->call("MPI_Get_processor_name"));
  return {name, static_cast<std::size_t>(length)};
}

std::unique_ptr<Communicator> MpiWorld::world() { return world(impl_->options); }

std::unique_ptr<Communicator> MpiWorld::world(const MpiOptions& options) {
  return std::make_unique<detail::MpiCommunicator>(impl_->duplicate(), options, impl_->host_of);
}

std::unique_ptr<Communicator> MpiWorld::create_group(std::span<const int> ranks, int tag) {
  const MpiCall call = impl_->call("MPI_Comm_create_group");
  MPI_Group all = MPI_GROUP_NULL;
  MPI_Group some = MPI_GROUP_NULL;
  mpi_check(MPI_Comm_group(impl_->groups, &all), call);
  const std::vector<int> list(ranks.begin(), ranks.end());
  mpi_check(MPI_Group_incl(all, static_cast<int>(list.size()), list.data(), &some), call);
  MPI_Comm made = MPI_COMM_NULL;
  mpi_check(MPI_Comm_create_group(impl_->groups, some, tag, &made), call);
  MPI_Group_free(&some);
  MPI_Group_free(&all);
  TUTTI_ASSERT(made != MPI_COMM_NULL, "create_group called by a rank that is not in the list");
  return std::make_unique<detail::MpiCommunicator>(made, impl_->options, impl_->host_of);
}

void MpiWorld::send(int to, std::string bytes) {
  TUTTI_ASSERT(bytes.size() <= INT_MAX, "bulk data does not go through messages");
  const std::lock_guard lock(impl_->mutex);
  impl_->collect_sent();
  Outgoing& out = impl_->outgoing.emplace_back();
  out.bytes = std::move(bytes);
  const int code = MPI_Isend(out.bytes.data(), static_cast<int>(out.bytes.size()), MPI_BYTE, to,
                             kMessageTag, impl_->messages, &out.request);
  if (code != MPI_SUCCESS) impl_->outgoing.pop_back();
  mpi_check(code, impl_->call("send"));
}

std::optional<Message> MpiWorld::try_receive() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->collect_sent();
  }
  int found = 0;
  MPI_Message handle = MPI_MESSAGE_NULL;
  MPI_Status status;
  const MpiCall call = impl_->call("receive");
  mpi_check(MPI_Improbe(MPI_ANY_SOURCE, kMessageTag, impl_->messages, &found, &handle, &status),
            call);
  if (found == 0) return std::nullopt;
  int size = 0;
  mpi_check(MPI_Get_count(&status, MPI_BYTE, &size), call);
  Message message{status.MPI_SOURCE, std::string(static_cast<std::size_t>(size), '\0')};
  mpi_check(MPI_Mrecv(message.bytes.data(), size, MPI_BYTE, &handle, MPI_STATUS_IGNORE), call);
  return message;
}

void MpiWorld::abort(int code) noexcept {
  MPI_Abort(MPI_COMM_WORLD, code);
  std::_Exit(code);
}

}  // namespace tutti
