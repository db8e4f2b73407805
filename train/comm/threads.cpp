#include "tutti/data/error.hpp"
#include "tutti/train/comm/tensors.hpp"
#include "tutti/train/communicator.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

namespace tutti {

namespace {

/// What all threads of one run_on_threads share, groups made by split included.
struct Shared {
  std::mutex mutex;
  std::condition_variable changed;
  int failed_rank = -1;  ///< of the world; a thread that has thrown comes to no barrier any more
};

/// An operation that ranks have started: the last to come does the work of all.
struct Operation {
  std::vector<at::Tensor> in, out;  ///< [rank]
  int arrived = 0;
  bool done = false;
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
    if (generation == mine) check_failed();
  }

  // Under the mutex.
  void check_failed() const {
    if (shared->failed_rank < 0) return;
    throw Error(Code::Resumable,
                "rank " + std::to_string(shared->failed_rank) + " of this run has failed");
  }

  std::shared_ptr<Shared> shared;
  int size;
  int arrived = 0;
  std::uint64_t generation = 0;
  std::vector<std::byte*> buffers;           ///< [rank] where a rank's values lie
  std::vector<std::size_t> lengths;          ///< [rank] bytes
  std::vector<std::shared_ptr<Group>> made;  ///< [rank] split: the group that a rank leads
  std::map<std::int64_t, std::shared_ptr<Operation>> started;  ///< by number, not all there
  std::map<std::pair<int, int>, std::deque<at::Tensor>> sent;  ///< [from, to]
};

class ThreadPending final : public Pending {
 public:
  /// `ready`: asked under the group's mutex; `finish` runs once, after it, in the waiting thread.
  ThreadPending(std::shared_ptr<Group> group, std::function<bool()> ready,
                std::function<void()> finish)
      : group_(std::move(group)), ready_(std::move(ready)), finish_(std::move(finish)) {}

  bool test() override {
    {
      const std::lock_guard lock(group_->shared->mutex);
      if (!ready_()) {
        group_->check_failed();
        return false;
      }
    }
    finish();
    return true;
  }

  void wait() override {
    {
      std::unique_lock lock(group_->shared->mutex);
      group_->shared->changed.wait(lock,
                                   [&] { return ready_() || group_->shared->failed_rank >= 0; });
      if (!ready_()) group_->check_failed();
    }
    finish();
  }

 private:
  void finish() {
    if (const auto once = std::exchange(finish_, nullptr)) once();
  }

  std::shared_ptr<Group> group_;
  std::function<bool()> ready_;
  std::function<void()> finish_;
};

class ThreadCommunicator final : public Communicator {
 public:
  ThreadCommunicator(std::shared_ptr<Group> group, int rank)
      : group_(std::move(group)), rank_(rank) {}

  [[nodiscard]] int rank() const noexcept override { return rank_; }
  [[nodiscard]] int world_size() const noexcept override { return group_->size; }

  void all_reduce_sum(at::Tensor& inout) override {
    detail::check_host_tensor(inout);
    start_all_reduce_sum(inout)->wait();
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

  std::unique_ptr<Pending> start_all_reduce_sum(const at::Tensor& inout) override {
    detail::check_host_tensor(inout);
    return start(inout, inout, [](const Operation& all) {
      detail::sum_in_order(all.in, all.out.front());
      for (const at::Tensor& out : all.out) detail::copy_values(all.out.front(), out);
    });
  }

  std::unique_ptr<Pending> start_reduce_scatter_sum(const at::Tensor& all,
                                                    const at::Tensor& mine) override {
    detail::check_host_tensor(all);
    const std::int64_t size = detail::check_pieces(all, mine, group_->size);
    return start(all, mine, [size](const Operation& ranks) {
      for (std::size_t r = 0; r < ranks.out.size(); ++r) {
        std::vector<at::Tensor> parts;
        for (const at::Tensor& in : ranks.in) {
          parts.push_back(in.view(-1).narrow(0, static_cast<std::int64_t>(r) * size, size));
        }
        detail::sum_in_order(parts, ranks.out[r].view(-1));
      }
    });
  }

  std::unique_ptr<Pending> start_all_gather(const at::Tensor& mine,
                                            const at::Tensor& all) override {
    detail::check_host_tensor(all);
    const std::int64_t size = detail::check_pieces(all, mine, group_->size);
    return start(mine, all, [size](const Operation& ranks) {
      for (std::size_t r = 0; r < ranks.in.size(); ++r) {
        for (const at::Tensor& out : ranks.out) {
          detail::copy_values(ranks.in[r],
                              out.view(-1).narrow(0, static_cast<std::int64_t>(r) * size, size));
        }
      }
    });
  }

  std::unique_ptr<Pending> start_send(const at::Tensor& values, int to) override {
    detail::check_host_tensor(values);
    const std::lock_guard lock(group_->shared->mutex);
    group_->check_failed();
    group_->sent[{rank_, to}].push_back(values.detach().clone());
    group_->shared->changed.notify_all();
    return nothing_pending();
  }

  std::unique_ptr<Pending> start_receive(const at::Tensor& into, int from) override {
    detail::check_host_tensor(into);
    auto& box = [&]() -> std::deque<at::Tensor>& {
      const std::lock_guard lock(group_->shared->mutex);
      return group_->sent[{from, rank_}];
    }();
    return std::make_unique<ThreadPending>(
        group_, [&box] { return !box.empty(); },
        [&box, into, group = group_] {
          at::Tensor values;
          {
            const std::lock_guard lock(group->shared->mutex);
            values = box.front();
            box.pop_front();
          }
          TUTTI_ASSERT(values.numel() == into.numel(), "receive: another size than was sent");
          detail::copy_values(values, into);
        });
  }

 private:
  template <class Work>
  std::unique_ptr<Pending> start(const at::Tensor& in, const at::Tensor& out, Work work) {
    const auto place = static_cast<std::size_t>(rank_);
    const std::lock_guard lock(group_->shared->mutex);
    group_->check_failed();
    auto& slot = group_->started[operations_];
    if (!slot) {
      slot = std::make_shared<Operation>();
      slot->in.resize(static_cast<std::size_t>(group_->size));
      slot->out.resize(static_cast<std::size_t>(group_->size));
    }
    const std::shared_ptr<Operation> mine = slot;
    mine->in[place] = in.detach();
    mine->out[place] = out.detach();
    if (++mine->arrived == group_->size) {
      for (const at::Tensor& other : mine->in) {
        TUTTI_ASSERT(other.numel() == in.numel(), "ranks gave different sizes to one operation");
      }
      work(*mine);
      mine->done = true;
      group_->started.erase(operations_);
      group_->shared->changed.notify_all();
    }
    ++operations_;
    return std::make_unique<ThreadPending>(
        group_, [mine] { return mine->done; }, nullptr);
  }

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
  std::int64_t operations_ = 0;  ///< started by this rank
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
