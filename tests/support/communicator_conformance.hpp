#pragma once

#include "tutti/data/error.hpp"
#include "tutti/train/communicator.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace tutti::test {

// Sizes around every border: nothing, one, fewer than ranks, one page, and odd beyond 64 KiB.
inline constexpr std::int64_t kSizes[] = {0, 1, 3, 64, 1000, 100003};
inline constexpr at::ScalarType kTypes[] = {at::kFloat, at::kDouble, at::kLong, at::kBFloat16};

/// Small integers that differ by rank and position: every sum over at most 8 ranks is exact in
/// bfloat16 too (below 256).
inline at::Tensor pattern(int rank, std::int64_t size, at::ScalarType type) {
  return at::arange(size, at::kLong).remainder(7).add(rank).to(type);
}

/// What all ranks' patterns sum to.
inline at::Tensor pattern_sum(int ranks, std::int64_t size, at::ScalarType type) {
  at::Tensor sum = at::zeros({size}, at::kLong);
  for (int r = 0; r < ranks; ++r) sum += pattern(r, size, at::kLong);
  return sum.to(type);
}

inline void check_all_reduce(Communicator& group) {
  for (const at::ScalarType type : kTypes) {
    for (const std::int64_t size : kSizes) {
      at::Tensor values = pattern(group.rank(), size, type);
      group.all_reduce_sum(values);
      EXPECT_TRUE(at::equal(values, pattern_sum(group.world_size(), size, type)))
          << "all_reduce_sum of " << size << " " << c10::toString(type) << " at "
          << group.world_size() << " ranks";
    }
  }
}

/// Waits by asking again and again, as a caller with other work does.
inline void poll(Pending& pending) {
  while (!pending.test()) std::this_thread::yield();
}

inline void check_started_sums(Communicator& group) {
  const int n = group.world_size();
  // Several at once, of unlike sizes and types, ended in another order on each rank.
  std::vector<at::Tensor> values, wants;
  std::vector<std::unique_ptr<Pending>> started;
  for (const at::ScalarType type : kTypes) {
    for (const std::int64_t size : kSizes) {
      values.push_back(pattern(group.rank(), size, type));
      wants.push_back(pattern_sum(n, size, type));
      started.push_back(group.start_all_reduce_sum(values.back()));
    }
  }
  for (std::size_t i = 0; i < started.size(); ++i) {
    const std::size_t at = (i * (group.rank() % 2 == 0 ? 1 : 5)) % started.size();
    group.rank() % 3 == 0 ? poll(*started[at]) : started[at]->wait();
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_TRUE(started[i]->test());
    EXPECT_TRUE(at::equal(values[i], wants[i]))
        << "start_all_reduce_sum of " << values[i].numel() << " "
        << c10::toString(values[i].scalar_type()) << " at " << n << " ranks";
  }
}

inline void check_bfloat16_is_rounded_once(Communicator& group) {
  // 256 + 1 is 256 in bfloat16: adding ones to 256 one by one would never get off it.
  at::Tensor values = at::full({70000}, group.rank() == 0 ? 256 : 1, at::kBFloat16);
  group.start_all_reduce_sum(values)->wait();
  // 2: one more rounding, where ranks of a host sum first.
  const double off = (values.to(at::kFloat) - (255 + group.world_size())).abs().max().item<float>();
  EXPECT_LE(off, 2);
}

inline void check_pieces_of_tensors(Communicator& group) {
  const int n = group.world_size();
  for (const at::ScalarType type : kTypes) {
    for (const std::int64_t size : kSizes) {
      const at::Tensor all = pattern(group.rank(), size * n, type);
      const at::Tensor want = pattern_sum(n, size * n, type);
      const at::Tensor own = want.narrow(0, size * group.rank(), size);
      at::Tensor mine = at::empty({size}, type);
      group.start_reduce_scatter_sum(all, mine)->wait();
      EXPECT_TRUE(at::equal(mine, own)) << "reduce_scatter_sum of " << size << " at " << n;
      EXPECT_TRUE(at::equal(all, pattern(group.rank(), size * n, type)))
          << "reduce_scatter_sum has changed what it read";
      // Back again: out of place, then each rank's piece in its place.
      at::Tensor gathered = at::empty({size * n}, type);
      group.start_all_gather(mine, gathered)->wait();
      EXPECT_TRUE(at::equal(gathered, want)) << "all_gather of " << size << " at " << n;
      at::Tensor in_place = at::zeros({size * n}, type);
      in_place.narrow(0, size * group.rank(), size).copy_(mine);
      poll(*group.start_all_gather(in_place.narrow(0, size * group.rank(), size), in_place));
      EXPECT_TRUE(at::equal(in_place, want)) << "all_gather in place of " << size << " at " << n;
    }
  }
}

inline void check_send_and_receive(Communicator& group) {
  const int n = group.world_size();
  if (n == 1) return;
  // Around the ring, two messages each way, everybody sending before anybody waits.
  const int next = (group.rank() + 1) % n;
  const int before = (group.rank() + n - 1) % n;
  for (const at::ScalarType type : kTypes) {
    for (const std::int64_t size : kSizes) {
      const at::Tensor first = pattern(group.rank(), size, type);
      const at::Tensor second = pattern(group.rank() + 3, size, type);
      at::Tensor got_first = at::zeros({size}, type);
      at::Tensor got_second = at::zeros({size}, type);
      std::vector<std::unique_ptr<Pending>> started;
      started.push_back(group.start_send(first, next));
      started.push_back(group.start_receive(got_first, before));
      started.push_back(group.start_send(second, next));
      started.push_back(group.start_receive(got_second, before));
      for (const auto& pending : started) pending->wait();
      EXPECT_TRUE(at::equal(got_first, pattern(before, size, type)));
      EXPECT_TRUE(at::equal(got_second, pattern(before + 3, size, type)));
    }
  }
  // A message beside a sum that only some ranks have started.
  at::Tensor sum = at::ones({40000});
  at::Tensor token = at::full({1}, group.rank(), at::kLong);
  if (group.rank() == 0) {
    const auto early = group.start_all_reduce_sum(sum);
    group.start_send(token, 1)->wait();
    early->wait();
  } else {
    if (group.rank() == 1) {
      group.start_receive(token, 0)->wait();
      EXPECT_EQ(token.item<std::int64_t>(), 0);
    }
    group.start_all_reduce_sum(sum)->wait();
  }
  EXPECT_TRUE(at::equal(sum, at::full({40000}, static_cast<float>(n))));
}

inline void check_same_bits(Communicator& group) {
  // Sums of these depend on their order in the last bits: all ranks must have used one order.
  at::Tensor values = at::arange(30011, at::kFloat).mul_(0.1F * (group.rank() + 1)).sin_();
  group.all_reduce_sum(values);
  const auto bytes = std::as_bytes(std::span(values.data_ptr<float>(), 30011));
  std::vector<std::byte> all(bytes.size() * static_cast<std::size_t>(group.world_size()));
  group.all_gather(bytes, all);
  for (std::size_t r = 0; r < static_cast<std::size_t>(group.world_size()); ++r) {
    EXPECT_TRUE(
        std::equal(bytes.begin(), bytes.end(), all.begin() + static_cast<long>(r * bytes.size())))
        << "rank " << group.rank() << " and rank " << r << " hold different bits";
  }
}

inline void check_broadcast(Communicator& group) {
  for (const at::ScalarType type : kTypes) {
    for (const std::int64_t size : kSizes) {
      for (int root = 0; root < group.world_size(); ++root) {
        at::Tensor values = pattern(group.rank(), size, type);
        group.broadcast(values, root);
        EXPECT_TRUE(at::equal(values, pattern(root, size, type)))
            << "broadcast of " << size << " " << c10::toString(type) << " from " << root << " of "
            << group.world_size();
      }
    }
  }
}

inline void check_all_gather(Communicator& group) {
  for (const std::int64_t size : kSizes) {
    const auto bytes = static_cast<std::size_t>(size);
    const std::vector<std::byte> mine(bytes, static_cast<std::byte>(group.rank() + 1));
    std::vector<std::byte> all(bytes * static_cast<std::size_t>(group.world_size()));
    group.all_gather(mine, all);
    for (std::size_t i = 0; i < all.size(); ++i) {
      ASSERT_EQ(all[i], static_cast<std::byte>(i / bytes + 1)) << "byte " << i << " of " << size;
    }
  }
}

inline void check_strings(Communicator& group) {
  // Rank r sends r copies of its digit, so rank 0 sends nothing.
  const auto text = [](int r) {
    return std::string(static_cast<std::size_t>(r), static_cast<char>('0' + r));
  };
  const std::vector<std::string> all = all_gather_strings(group, text(group.rank()));
  ASSERT_EQ(all.size(), static_cast<std::size_t>(group.world_size()));
  for (int r = 0; r < group.world_size(); ++r) EXPECT_EQ(all[static_cast<std::size_t>(r)], text(r));
}

inline void check_agree(Communicator& group) {
  EXPECT_NO_THROW(agree(group, nullptr));
  const int last = group.world_size() - 1;
  std::exception_ptr mine;
  if (group.rank() == last) {
    mine = std::make_exception_ptr(Error(Code::Data, "items.csv line 3: no title"));
  }
  try {
    agree(group, mine);
    ADD_FAILURE() << "no rank may go on when one has failed";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::Data);
    EXPECT_NE(std::string(error.what()).find("items.csv line 3: no title"), std::string::npos);
    if (last > 0) {
      EXPECT_EQ(std::string(error.what()).find("rank " + std::to_string(last) + ": "), 0U)
          << error.what();
    }
  }
  // What is no Error of ours, on every rank: the first rank is named.
  try {
    agree(group, std::make_exception_ptr(std::runtime_error("broken\nbacktrace")));
    ADD_FAILURE() << "no rank may go on";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::Internal);
    EXPECT_STREQ(error.what(), last > 0 ? "rank 0: broken" : "broken");
  }
  group.barrier();
}

inline void check_split(Communicator& group) {
  const int n = group.world_size();
  // Odd and even ranks, each group in reverse order.
  const std::unique_ptr<Communicator> part = group.split(group.rank() % 2, -group.rank());
  const int members = (n + 1 - group.rank() % 2) / 2;
  ASSERT_EQ(part->world_size(), members);
  EXPECT_EQ(part->rank(), members - 1 - group.rank() / 2);
  at::Tensor sum = at::full({1}, group.rank(), at::kLong);
  part->all_reduce_sum(sum);
  std::int64_t want = 0;
  for (int r = group.rank() % 2; r < n; r += 2) want += r;
  EXPECT_EQ(sum.item<std::int64_t>(), want);
  // Equal keys keep the order of the ranks, and the parent still works.
  const std::unique_ptr<Communicator> same = group.split(0, 0);
  EXPECT_EQ(same->rank(), group.rank());
  group.barrier();
}

/// What every Communicator promises. Collective.
inline void check_communicator(Communicator& group) {
  check_all_reduce(group);
  check_started_sums(group);
  check_bfloat16_is_rounded_once(group);
  check_pieces_of_tensors(group);
  check_send_and_receive(group);
  check_same_bits(group);
  check_broadcast(group);
  check_all_gather(group);
  check_strings(group);
  check_agree(group);
  check_split(group);
}

}  // namespace tutti::test
