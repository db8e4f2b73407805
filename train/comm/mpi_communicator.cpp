#include "tutti/train/comm/mpi_communicator.hpp"

#include "tutti/data/error.hpp"
#include "tutti/train/comm/tensors.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <climits>
#include <utility>

namespace tutti::detail {

namespace {

// Tags of an exchange, after that of send and receive. MPI grants 32767 at least; so many are never
// under way at once.
constexpr int kPointToPointTag = 0;
constexpr int kFirstExchangeTag = 1;
constexpr int kExchangeTags = 16384;

// Up to this many bytes the latency of MPI's own algorithm beats our exchange between all pairs.
constexpr std::int64_t kOwnExchangeBytes = 1 << 16;

// The hosts of a group's ranks; `ranks_a_host` as in MpiOptions.
std::vector<int> hosts_of(MPI_Comm comm, int ranks, const std::vector<int>& of_world,
                          int ranks_a_host, const MpiCall& call) {
  std::vector<int> mine(static_cast<std::size_t>(ranks));
  for (int r = 0; r < ranks; ++r) mine[static_cast<std::size_t>(r)] = r;
  if (ranks_a_host != 0) {
    for (int& r : mine) r = ranks_a_host < 0 ? 0 : r / ranks_a_host;
    return mine;
  }
  MPI_Group some = MPI_GROUP_NULL;
  MPI_Group all = MPI_GROUP_NULL;
  mpi_check(MPI_Comm_group(comm, &some), call);
  mpi_check(MPI_Comm_group(MPI_COMM_WORLD, &all), call);
  std::vector<int> in_world(mine.size());
  mpi_check(MPI_Group_translate_ranks(some, ranks, mine.data(), all, in_world.data()), call);
  MPI_Group_free(&all);
  MPI_Group_free(&some);
  for (std::size_t r = 0; r < mine.size(); ++r) {
    mine[r] = of_world[static_cast<std::size_t>(in_world[r])];
  }
  return mine;
}

int size_of(MPI_Comm comm, const MpiCall& call) {
  int size = 0;
  mpi_check(MPI_Comm_size(comm, &size), call);
  return size;
}

int rank_of(MPI_Comm comm, const MpiCall& call) {
  int rank = 0;
  mpi_check(MPI_Comm_rank(comm, &rank), call);
  return rank;
}

// Below this many bytes a collective is over in a few polls; above it, ranks meet at a barrier with
// cheap polls first, so that only a transfer that moves is polled eagerly.
constexpr std::int64_t kMeetFirstBytes = 1 << 16;

}  // namespace

MpiCommunicator::MpiCommunicator(MPI_Comm comm, const MpiOptions& options,
                                 const std::vector<int>& host_of)
    : comm_(comm),
      options_(options),
      host_of_(host_of),
      map_(hosts_of(comm, size_of(comm, {}), host_of, options.ranks_a_host, {}), rank_of(comm, {})),
      rank_(rank_of(comm, {})),
      world_size_(size_of(comm, {})) {
  TUTTI_ASSERT(options_.max_count > 0 && options_.max_count <= INT_MAX, "max_count of MPI calls");
  MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN);
}

MpiCommunicator::~MpiCommunicator() {
  // Freeing a communicator with a request under way could wait for ever.
  if (!flights_.broken) MPI_Comm_free(&comm_);
}

void MpiCommunicator::start(const char* operation) const {
  if (flights_.broken) {
    throw Error(Code::Resumable, "rank " + std::to_string(rank_) + ": " + operation +
                                     " on a group that has already failed");
  }
}

void MpiCommunicator::wait(MPI_Request& request, bool eager, const char* operation) {
  try {
    const auto test = [&] {
      flights_.advance();
      int done = 0;
      mpi_check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), call(operation));
      return done != 0;
    };
    mpi_wait(test, options_.timeout, eager, call(operation));
  } catch (const Error&) {
    flights_.broken = true;
    throw;
  }
}

std::unique_ptr<MpiPending> MpiCommunicator::pending(std::deque<MpiStage> stages,
                                                     const char* operation) {
  return std::make_unique<MpiPending>(std::move(stages), call(operation), options_.timeout,
                                      flights_);
}

Exchange MpiCommunicator::next_exchange(const char* operation) {
  const int tag = kFirstExchangeTag + exchanges_;
  exchanges_ = (exchanges_ + 1) % kExchangeTags;
  return {comm_, tag, options_.max_count, call(operation)};
}

void MpiCommunicator::arrive(const char* operation) {
  MPI_Request request = MPI_REQUEST_NULL;
  mpi_check(MPI_Ibarrier(comm_, &request), call(operation));
  wait(request, /*eager=*/false, operation);
}

std::unique_ptr<MpiPending> MpiCommunicator::sum(const at::Tensor& inout) {
  const char* const operation = "all_reduce_sum";
  check_host_tensor(inout);
  start(operation);
  const bool large = static_cast<std::int64_t>(inout.nbytes()) > kOwnExchangeBytes;
  if (large || inout.scalar_type() == at::kBFloat16) {
    return pending(next_exchange(operation).all_reduce(inout, map_), operation);
  }
  MPI_Datatype type = mpi_type(inout.scalar_type());
  MPI_Comm comm = comm_;
  const std::int64_t most = options_.max_count;
  const MpiCall where = call(operation);
  return pending(
      {[=](std::vector<MPI_Request>& requests) {
        auto* const bytes = static_cast<std::byte*>(inout.mutable_data_ptr());
        for (std::int64_t done = 0; done < inout.numel(); done += most) {
          const auto count = static_cast<int>(std::min(most, inout.numel() - done));
          mpi_check(MPI_Iallreduce(MPI_IN_PLACE, bytes + done * inout.element_size(), count, type,
                                   MPI_SUM, comm, &requests.emplace_back(MPI_REQUEST_NULL)),
                    where);
        }
      }},
      operation);
}

void MpiCommunicator::all_reduce_sum(at::Tensor& inout) {
  const bool large = static_cast<std::int64_t>(inout.nbytes()) > kMeetFirstBytes;
  if (large && world_size_ > 1) arrive("all_reduce_sum");
  sum(inout)->wait(/*eager=*/large);
}

std::unique_ptr<Pending> MpiCommunicator::start_all_reduce_sum(const at::Tensor& inout) {
  return sum(inout);
}

std::unique_ptr<Pending> MpiCommunicator::start_reduce_scatter_sum(const at::Tensor& all,
                                                                   const at::Tensor& mine) {
  const char* const operation = "reduce_scatter_sum";
  check_host_tensor(all);
  check_host_tensor(mine);
  check_pieces(all, mine, world_size_);
  start(operation);
  return pending(next_exchange(operation).reduce_scatter(all, mine, rank_, world_size_), operation);
}

std::unique_ptr<Pending> MpiCommunicator::start_all_gather(const at::Tensor& mine,
                                                           const at::Tensor& all) {
  const char* const operation = "all_gather of tensors";
  check_host_tensor(all);
  check_host_tensor(mine);
  check_pieces(all, mine, world_size_);
  start(operation);
  return pending(next_exchange(operation).all_gather(mine, all, rank_, world_size_), operation);
}

std::unique_ptr<Pending> MpiCommunicator::start_send(const at::Tensor& values, int to) {
  check_host_tensor(values);
  TUTTI_ASSERT(to >= 0 && to < world_size_ && to != rank_, "send to a rank that is no other one");
  start("send");
  const Exchange with{comm_, kPointToPointTag, options_.max_count, call("send")};
  return pending({[=](std::vector<MPI_Request>& requests) { with.send(values, to, requests); }},
                 "send");
}

std::unique_ptr<Pending> MpiCommunicator::start_receive(const at::Tensor& into, int from) {
  check_host_tensor(into);
  TUTTI_ASSERT(from >= 0 && from < world_size_ && from != rank_,
               "receive from a rank that is no other one");
  start("receive");
  const Exchange with{comm_, kPointToPointTag, options_.max_count, call("receive")};
  return pending({[=](std::vector<MPI_Request>& requests) { with.receive(into, from, requests); }},
                 "receive");
}

void MpiCommunicator::broadcast_bytes(std::byte* bytes, std::size_t size, int root,
                                      const char* operation) {
  const auto most = static_cast<std::size_t>(options_.max_count);
  for (std::size_t done = 0; done < size; done += most) {
    const auto count = static_cast<int>(std::min(most, size - done));
    MPI_Request request = MPI_REQUEST_NULL;
    mpi_check(MPI_Ibcast(bytes + done, count, MPI_BYTE, root, comm_, &request), call(operation));
    wait(request, static_cast<std::int64_t>(size) > kMeetFirstBytes, operation);
  }
}

void MpiCommunicator::broadcast(at::Tensor& inout, int root) {
  const char* const operation = "broadcast";
  check_host_tensor(inout);
  TUTTI_ASSERT(root >= 0 && root < world_size_, "broadcast from a rank not in the group");
  start(operation);
  if (static_cast<std::int64_t>(inout.nbytes()) > kMeetFirstBytes) arrive(operation);
  broadcast_bytes(static_cast<std::byte*>(inout.data_ptr()), inout.nbytes(), root, operation);
}

void MpiCommunicator::all_gather(std::span<const std::byte> mine, std::span<std::byte> all) {
  const char* const operation = "all_gather";
  const std::size_t size = mine.size();
  TUTTI_ASSERT(all.size() == size * static_cast<std::size_t>(world_size_),
               "all_gather: wrong size of the result");
  start(operation);
  if (all.empty()) return;
  const bool large = static_cast<std::int64_t>(all.size()) > kMeetFirstBytes;
  if (large) arrive(operation);
  if (all.size() <= static_cast<std::size_t>(options_.max_count)) {
    const auto count = static_cast<int>(size);
    MPI_Request request = MPI_REQUEST_NULL;
    mpi_check(
        MPI_Iallgather(mine.data(), count, MPI_BYTE, all.data(), count, MPI_BYTE, comm_, &request),
        call(operation));
    wait(request, large, operation);
    return;
  }
  // Too much for displacements of type int: each rank's part on its own.
  std::copy(mine.begin(), mine.end(), all.begin() + static_cast<std::ptrdiff_t>(size) * rank_);
  for (int root = 0; root < world_size_; ++root) {
    broadcast_bytes(all.data() + size * static_cast<std::size_t>(root), size, root, operation);
  }
}

void MpiCommunicator::barrier() {
  start("barrier");
  arrive("barrier");
}

std::unique_ptr<Communicator> MpiCommunicator::split(int colour, int key) {
  const char* const operation = "split";
  TUTTI_ASSERT(colour >= 0, "split: a colour is not negative");
  start(operation);
  arrive(operation);  // MPI_Comm_split itself has no time-out
  MPI_Comm part = MPI_COMM_NULL;
  mpi_check(MPI_Comm_split(comm_, colour, key, &part), call(operation));
  return std::make_unique<MpiCommunicator>(part, options_, host_of_);
}

}  // namespace tutti::detail
