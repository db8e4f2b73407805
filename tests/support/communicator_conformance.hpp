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

inline void check_all_reduce(Communicator& group) {
  for (const at::ScalarType type : kTypes) {
    for (const std::int64_t size : kSizes) {
      at::Tensor values = pattern(group.rank(), size, type);
      at::Tensor want = at::zeros({size}, at::kLong);
      for (int r = 0; r < group.world_size(); ++r) want += pattern(r, size, at::kLong);
      group.all_reduce_sum(values);
      EXPECT_TRUE(at::equal(values, want.to(type)))
          << "all_reduce_sum of " << size << " " << c10::toString(type) << " at "
          << group.world_size() << " ranks";
    }
  }
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
  check_same_bits(group);
  check_broadcast(group);
  check_all_gather(group);
  check_strings(group);
  check_agree(group);
  check_split(group);
}

}  // namespace tutti::test
