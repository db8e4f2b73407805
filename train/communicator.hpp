#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace at {
class Tensor;
}

namespace tutti {

/// One group of ranks. Never the world by assumption: a process can hold several.
///
/// Every method but rank, world_size and name is collective: every rank of the group calls it, in
/// the same order, with the same sizes. World size 1 is the identity. One thread at a time uses an
/// object. Throws Error(Resumable) when the transport breaks or a time-out passes; the group cannot
/// be used after that.
class Communicator {
 public:
  virtual ~Communicator() = default;

  [[nodiscard]] virtual int rank() const noexcept = 0;
  [[nodiscard]] virtual int world_size() const noexcept = 0;

  /// In place; float32, float64, int64 or bfloat16, contiguous. The same bits on all ranks.
  /// Cost: each rank sends and receives about 2 (n-1)/n of the tensor's bytes.
  virtual void all_reduce_sum(at::Tensor& inout) = 0;
  /// In place, from `root`. Cost: the tensor's bytes, once to each rank.
  virtual void broadcast(at::Tensor& inout, int root) = 0;
  /// `all` holds world_size() times mine.size() bytes, in rank order. Cost: (n-1) times mine.size()
  /// in and out.
  virtual void all_gather(std::span<const std::byte> mine, std::span<std::byte> all) = 0;
  virtual void barrier() = 0;
  /// Ranks that give the same colour form a group, ordered by key, then by rank.
  virtual std::unique_ptr<Communicator> split(int colour, int key) = 0;
};

/// World size 1: every collective is the identity.
std::unique_ptr<Communicator> make_single_communicator();

/// `ranks` threads of this process, for tests: calls `body` on each with its communicator; rethrows
/// the first exception.
void run_on_threads(int ranks, const std::function<void(Communicator&)>& body);

/// Byte strings of any length from every rank, in rank order. Collective.
std::vector<std::string> all_gather_strings(Communicator& group, const std::string& mine);

/// Every rank of the group throws the same Error, naming the first rank that failed, or none
/// throws. Collective. Call it after work that can fail on one rank alone, before the next
/// collective.
void agree(Communicator& group, const std::exception_ptr& mine);

/// Runs what may fail on one rank alone, then agrees. Collective.
template <class Work>
void agree_on(Communicator& group, Work work) {
  std::exception_ptr mine;
  try {
    work();
  } catch (...) {
    mine = std::current_exception();
  }
  agree(group, mine);
}

}  // namespace tutti
