#pragma once

#include "tutti/train/communicator.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace tutti {

struct MpiOptions {
  std::chrono::milliseconds timeout = std::chrono::minutes(30);  ///< of one collective
  std::int64_t max_count = std::int64_t{1} << 30;  ///< values in one MPI call, whose counts are int
  /// Sums go over each host first where a group has several ranks on several hosts. 0: hosts as
  /// they are; -1: all ranks as if on one; n: as if n ranks in turn shared one.
  int ranks_a_host = 0;
};

/// A message to the coordinator or from it.
struct Message {
  int from = -1;  ///< rank in the world
  std::string bytes;
};

/// MPI from start to end: MPI_Init_thread(MULTIPLE) in the constructor, MPI_Finalize in the
/// destructor; both collective over all processes of the job. One object a process.
///
/// Every MPI error becomes Error(Resumable) that names the rank and the call; so does a collective
/// that takes longer than the time-out. Such an Error ends the job: MPI may still write to the
/// buffers of the call that timed out, and other ranks may wait; call abort with the exit code.
class MpiWorld {
 public:
  explicit MpiWorld(const MpiOptions& options = {});
  ~MpiWorld();
  MpiWorld(const MpiWorld&) = delete;
  MpiWorld& operator=(const MpiWorld&) = delete;

  [[nodiscard]] int rank() const noexcept;
  [[nodiscard]] int world_size() const noexcept;
  /// Position among the ranks of this machine: which GPU to take.
  [[nodiscard]] int local_rank() const noexcept;
  [[nodiscard]] std::string host() const;

  /// A group of all ranks. Collective over all of them.
  [[nodiscard]] std::unique_ptr<Communicator> world();
  /// The same with options of its own.
  [[nodiscard]] std::unique_ptr<Communicator> world(const MpiOptions& options);

  /// A group of some ranks of the world, in the order given. Called by these ranks alone, with the
  /// same list; concurrent calls for groups that share a rank need different tags (0 .. 32767).
  [[nodiscard]] std::unique_ptr<Communicator> create_group(std::span<const int> ranks, int tag);

  /// Sends bytes to a rank (or to itself) and returns at once. Messages between two ranks keep
  /// their order. With try_receive, safe beside collectives and from several threads.
  void send(int to, std::string bytes);

  /// The next message from any rank, if one has arrived.
  [[nodiscard]] std::optional<Message> try_receive();

  /// Ends every process of the job; mpirun exits with `code`.
  [[noreturn]] void abort(int code) noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tutti
