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

/// An operation between ranks that has been started. Its tensors belong to it until it is done. Not
/// to be destroyed before that, nor to outlive its group.
class Pending {
 public:
  virtual ~Pending() = default;
  /// Moves the operation on as far as it goes without waiting. True once the result is there.
  virtual bool test() = 0;
  /// Returns when the result is there. Throws as the group does.
  virtual void wait() = 0;
};

/// One group of ranks. Never the world by assumption: a process can hold several.
///
/// Every method but rank, world_size, start_send and start_receive is collective: every rank of the
/// group calls it, in the same order, with the same sizes; what has been started may end in any
/// order. World size 1 is the identity. One thread at a time uses an object. Throws
/// Error(Resumable) when the transport breaks or a time-out passes; the group cannot be used after
/// that.
///
/// Tensors are float32, float64, int64 or bfloat16, and contiguous. Sums of bfloat16 are made in
/// fp32 and rounded once (once more for each host where ranks of a host sum first).
class Communicator {
 public:
  virtual ~Communicator() = default;

  [[nodiscard]] virtual int rank() const noexcept = 0;
  [[nodiscard]] virtual int world_size() const noexcept = 0;

  /// In place. The same bits on all ranks. Cost: each rank sends and receives about 2 (n-1)/n of
  /// the tensor's bytes.
  virtual void all_reduce_sum(at::Tensor& inout) = 0;
  /// In place, from `root`. Cost: the tensor's bytes, once to each rank.
  virtual void broadcast(at::Tensor& inout, int root) = 0;
  /// `all` holds world_size() times mine.size() bytes, in rank order. Cost: (n-1) times mine.size()
  /// in and out.
  virtual void all_gather(std::span<const std::byte> mine, std::span<std::byte> all) = 0;
  virtual void barrier() = 0;
  /// Ranks that give the same colour form a group, ordered by key, then by rank.
  virtual std::unique_ptr<Communicator> split(int colour, int key) = 0;

  /// all_reduce_sum that other work goes on beside.
  [[nodiscard]] virtual std::unique_ptr<Pending> start_all_reduce_sum(const at::Tensor& inout) = 0;
  /// `all` is world_size() equal pieces; `mine` becomes the sum of every rank's piece number
  /// rank(); it may be its own place in `all`. Cost: each rank sends and receives (n-1)/n of the
  /// bytes of `all`.
  [[nodiscard]] virtual std::unique_ptr<Pending> start_reduce_scatter_sum(
      const at::Tensor& all, const at::Tensor& mine) = 0;
  /// `all` becomes the `mine` of every rank, in rank order; `mine` may be its own place in `all`.
  /// Cost: (n-1) times the bytes of `mine` in and out.
  [[nodiscard]] virtual std::unique_ptr<Pending> start_all_gather(const at::Tensor& mine,
                                                                  const at::Tensor& all) = 0;
  /// To another rank, which receives as many values of the same type. Two ranks' values keep their
  /// order.
  [[nodiscard]] virtual std::unique_ptr<Pending> start_send(const at::Tensor& values, int to) = 0;
  [[nodiscard]] virtual std::unique_ptr<Pending> start_receive(const at::Tensor& into,
                                                               int from) = 0;
};

/// A Pending that is done.
std::unique_ptr<Pending> nothing_pending();

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
