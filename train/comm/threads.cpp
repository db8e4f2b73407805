#include "tutti/data/error.hpp"
#include "tutti/train/comm/tensor_check.hpp"
#include "tutti/train/communicator.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <thread>

namespace tutti {

namespace {

/// What all threads of one run_on_threads share, groups made by split included.
struct Shared {
  std::mutex mutex;
  std::condition_variable changed;
  int failed_rank = -1;  ///< of the world; a thread that has thrown comes to no barrier any more
};

/// What the ranks of one group share. Between two barriers each rank writes its own slots only.
struct Group {
  Group(std::shared_ptr<Shared> of, int ranks)
      : shared(std::move(of)),
        size(ranks),
        buffers(static_cast<std::size_t>(ranks)),
        lengths(static_cast<std::size_t>(ranks)),
        made(static_cast<std::size_t>(ranks)) {}

  void barrier() {
    std::unique_lock lock(shared->mutex);
    const std::uint64_t mine = generation;
    if (shared->failed_rank < 0 && ++arrived == size) {
      arrived = 0;
      ++generation;
      shared->changed.notify_all();
      return;
    }
    shared->changed.wait(lock, [&] { return generation != mine || shared->failed_rank >= 0; });
    if (generation == mine) {
      throw Error(Code::Resumable,
                  "rank " + std::to_string(shared->failed_rank) + " of this run has failed");
    }
  }

  std::shared_ptr<Shared> shared;
  int size;
  int arrived = 0;
  std::uint64_t generation = 0;
  std::vector<std::byte*> buffers;           ///< [rank] where a rank's values lie
  std::vector<std::size_t> lengths;          ///< [rank] bytes
  std::vector<std::shared_ptr<Group>> made;  ///< [rank] split: the group that a rank leads
};

template <class T, class Sum>
void sum_slice(const Group& group, std::size_t begin, std::size_t end) {
  std::vector<Sum> sums(end - begin);
  // In rank order, so that the bits do not depend on which thread was first.
  for (std::byte* const buffer : group.buffers) {
    const T* const values = reinterpret_cast<const T*>(buffer);
    for (std::size_t i = begin; i < end; ++i) sums[i - begin] += static_cast<Sum>(values[i]);
  }
  for (std::byte* const buffer : group.buffers) {
    T* const values = reinterpret_cast<T*>(buffer);
    for (std::size_t i = begin; i < end; ++i) values[i] = static_cast<T>(sums[i - begin]);
  }
}

class ThreadCommunicator final : public Communicator {
 public:
  ThreadCommunicator(std::shared_ptr<Group> group, int rank)
      : group_(std::move(group)), rank_(rank) {}

  [[nodiscard]] int rank() const noexcept override { return rank_; }
  [[nodiscard]] int world_size() const noexcept override { return group_->size; }

  void all_reduce_sum(at::Tensor& inout) override {
    detail::check_host_tensor(inout);
    enter(static_cast<std::byte*>(inout.data_ptr()), inout.nbytes());
    TUTTI_ASSERT(same_lengths(), "all_reduce_sum: ranks gave different sizes");
    // Each rank sums its slice of all buffers, and writes it to all: slices do not overlap.
    const auto count = static_cast<std::size_t>(inout.numel());
    const auto ranks = static_cast<std::size_t>(group_->size);
    const std::size_t begin = count * static_cast<std::size_t>(rank_) / ranks;
    const std::size_t end = count * (static_cast<std::size_t>(rank_) + 1) / ranks;
    switch (inout.scalar_type()) {
      case at::kFloat:
        sum_slice<float, float>(*group_, begin, end);
        break;
      case at::kDouble:
        sum_slice<double, double>(*group_, begin, end);
        break;
      case at::kLong:
        sum_slice<std::int64_t, std::int64_t>(*group_, begin, end);
        break;
      default:
        sum_slice<c10::BFloat16, float>(*group_, begin, end);
        break;
    }
    group_->barrier();
  }

  void broadcast(at::Tensor& inout, int root) override {
    detail::check_host_tensor(inout);
    TUTTI_ASSERT(root >= 0 && root < group_->size, "broadcast from a rank not in the group");
    enter(static_cast<std::byte*>(inout.data_ptr()), inout.nbytes());
    TUTTI_ASSERT(same_lengths(), "broadcast: ranks gave different sizes");
    if (rank_ != root && inout.nbytes() != 0) {
      std::memcpy(inout.data_ptr(), group_->buffers[static_cast<std::size_t>(root)],
                  inout.nbytes());
    }
    group_->barrier();
  }

  void all_gather(std::span<const std::byte> mine, std::span<std::byte> all) override {
    TUTTI_ASSERT(all.size() == mine.size() * static_cast<std::size_t>(group_->size),
                 "all_gather: wrong size of the result");
    enter(const_cast<std::byte*>(mine.data()), mine.size());
    TUTTI_ASSERT(same_lengths(), "all_gather: ranks gave different sizes");
    std::byte* out = all.data();
    for (const std::byte* const from : group_->buffers) {
      out = std::copy(from, from + mine.size(), out);
    }
    group_->barrier();
  }

  void barrier() override { group_->barrier(); }

  std::unique_ptr<Communicator> split(int colour, int key) override {
    struct Wish {
      int colour, key, rank;
    };
    const Wish mine{colour, key, rank_};
    std::vector<Wish> all(static_cast<std::size_t>(group_->size));
    all_gather(std::as_bytes(std::span(&mine, 1)), std::as_writable_bytes(std::span(all)));
    std::erase_if(all, [&](const Wish& wish) { return wish.colour != colour; });
    std::stable_sort(all.begin(), all.end(),
                     [](const Wish& a, const Wish& b) { return a.key < b.key; });
    const auto me =
        std::find_if(all.begin(), all.end(), [&](const Wish& wish) { return wish.rank == rank_; });
    const auto leader = static_cast<std::size_t>(all.front().rank);
    if (me == all.begin()) {
      group_->made[leader] = std::make_shared<Group>(group_->shared, static_cast<int>(all.size()));
    }
    group_->barrier();
    std::shared_ptr<Group> mine_of = group_->made[leader];
    group_->barrier();
    return std::make_unique<ThreadCommunicator>(std::move(mine_of),
                                                static_cast<int>(me - all.begin()));
  }

 private:
  void enter(std::byte* buffer, std::size_t bytes) {
    group_->buffers[static_cast<std::size_t>(rank_)] = buffer;
    group_->lengths[static_cast<std::size_t>(rank_)] = bytes;
    group_->barrier();
  }

  [[nodiscard]] bool same_lengths() const {
    return std::all_of(group_->lengths.begin(), group_->lengths.end(),
                       [&](std::size_t bytes) { return bytes == group_->lengths.front(); });
  }

  std::shared_ptr<Group> group_;
  int rank_;
};

}  // namespace

void run_on_threads(int ranks, const std::function<void(Communicator&)>& body) {
  TUTTI_ASSERT(ranks > 0, "a group needs a rank");
  const auto shared = std::make_shared<Shared>();
  const auto group = std::make_shared<Group>(shared, ranks);
  std::exception_ptr first;
  std::vector<std::thread> threads;
  threads.reserve(static_cast<std::size_t>(ranks));
  for (int rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        ThreadCommunicator communicator(group, rank);
        body(communicator);
      } catch (...) {
        const std::lock_guard lock(shared->mutex);
        if (!first) {
          first = std::current_exception();
          shared->failed_rank = rank;
        }
        shared->changed.notify_all();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (first) std::rethrow_exception(first);
}

}  // namespace tutti
