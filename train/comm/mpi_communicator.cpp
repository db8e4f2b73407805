#include "tutti/train/comm/mpi_communicator.hpp"

#include "tutti/data/error.hpp"
#include "tutti/train/comm/tensor_check.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <climits>

namespace tutti::detail {

namespace {

// Below this many bytes a collective is over in a few polls; above it, ranks meet at a barrier with
// cheap polls first, so that only a transfer that moves is polled eagerly.
constexpr std::int64_t kMeetFirstBytes = 1 << 16;

}  // namespace

MpiCommunicator::MpiCommunicator(MPI_Comm comm, const MpiOptions& options, const Bf16Sum& bf16)
    : comm_(comm), options_(options), bf16_(bf16) {
  TUTTI_ASSERT(options_.max_count > 0 && options_.max_count <= INT_MAX, "max_count of MPI calls");
  MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN);
  mpi_check(MPI_Comm_rank(comm_, &rank_), call("MPI_Comm_rank"));
  mpi_check(MPI_Comm_size(comm_, &world_size_), call("MPI_Comm_size"));
}

MpiCommunicator::~MpiCommunicator() {
  // Freeing a communicator with a request under way could wait for ever.
  if (!broken_) MPI_Comm_free(&comm_);
}

void MpiCommunicator::start(const char* operation) const {
  if (broken_) {
    throw Error(Code::Resumable, "rank " + std::to_string(rank_) + ": " + operation +
                                     " on a group that has already failed");
  }
}

void MpiCommunicator::wait(MPI_Request& request, bool eager, const char* operation) {
  try {
    mpi_wait(request, options_.timeout, eager, call(operation));
  } catch (const Error&) {
    broken_ = true;
    throw;
  }
}

void MpiCommunicator::arrive(const char* operation) {
  MPI_Request request = MPI_REQUEST_NULL;
  mpi_check(MPI_Ibarrier(comm_, &request), call(operation));
  wait(request, /*eager=*/false, operation);
}

void MpiCommunicator::all_reduce_sum(at::Tensor& inout) {
  const char* const operation = "all_reduce_sum";
  check_host_tensor(inout);
  start(operation);
  MPI_Datatype type = MPI_FLOAT;
  MPI_Op sum = MPI_SUM;
  if (inout.scalar_type() == at::kDouble) type = MPI_DOUBLE;
  if (inout.scalar_type() == at::kLong) type = MPI_INT64_T;
  if (inout.scalar_type() == at::kBFloat16) {
    type = bf16_.type;
    sum = bf16_.sum;
  }
  const bool large = static_cast<std::int64_t>(inout.nbytes()) > kMeetFirstBytes;
  if (large && world_size_ > 1) arrive(operation);
  auto* const bytes = static_cast<std::byte*>(inout.data_ptr());
  for (std::int64_t done = 0; done < inout.numel(); done += options_.max_count) {
    const auto count = static_cast<int>(std::min(options_.max_count, inout.numel() - done));
    MPI_Request request = MPI_REQUEST_NULL;
    mpi_check(MPI_Iallreduce(MPI_IN_PLACE, bytes + done * inout.element_size(), count, type, sum,
                             comm_, &request),
              call(operation));
    wait(request, large, operation);
  }
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
  return std::make_unique<MpiCommunicator>(part, options_, bf16_);
}

}  // namespace tutti::detail
