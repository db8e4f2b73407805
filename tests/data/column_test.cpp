#include "tutti/data/column.hpp"

#include "tutti/data/random.hpp"
#include "tutti/data/row_set.hpp"
#include "tutti/data/sorter.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "fixture.hpp"

namespace tutti {
namespace {

using test::error_of;
using test::Folder;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::size_t kMany = 3 * Column<std::int64_t>::kMemory / sizeof(std::int64_t) + 77;

Column<std::int64_t> many() {
  Column<std::int64_t> column;
  for (std::size_t i = 0; i < kMany; ++i) column.push_back(static_cast<std::int64_t>(i * i));
  return column;
}

TEST(Column, IsTheSameOnDiskAsInMemory) {
  const Column<std::int64_t> column = many();
  ASSERT_TRUE(column.spilled());
  ASSERT_EQ(column.size(), kMany);
  std::size_t next = 0;
  for (const std::int64_t value : column) {
    ASSERT_EQ(value, static_cast<std::int64_t>(next * next));
    ++next;
  }
  EXPECT_EQ(next, kMany);
  Random random(1, "column");
  for (int i = 0; i < 1000; ++i) {
    const std::size_t at = random.below(kMany);
    ASSERT_EQ(column[at], static_cast<std::int64_t>(at * at));
    std::vector<std::int64_t> some(std::min<std::size_t>(100000, kMany - at));
    if (i % 100 == 0) {
      column.read(at, some);  // over the ends of blocks, and from disk into memory
      ASSERT_EQ(some.front(), static_cast<std::int64_t>(at * at));
      ASSERT_EQ(some.back(),
                static_cast<std::int64_t>((at + some.size() - 1) * (at + some.size() - 1)));
    }
  }
  EXPECT_EQ(column.back(), static_cast<std::int64_t>((kMany - 1) * (kMany - 1)));
  const Column<double> bits = column.as<double>();
  EXPECT_TRUE(bits.as<std::int64_t>() == column);
  EXPECT_FALSE(column == Column<std::int64_t>({0, 1, 4}));
}

TEST(Column, ServesSeveralThreads) {
  const Column<std::int64_t> column = many();
  std::vector<std::thread> threads;
  std::vector<int> good(4, 0);
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = t; i < kMany; i += 4001) {
        good[t] += column[i] == static_cast<std::int64_t>(i * i) ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(good, testing::Each(0));
}

TEST(Column, SaysWhereItCannotSpill) {
  const Folder folder;
  const char* const old = std::getenv("TMPDIR");
  const std::string before = old != nullptr ? old : "";
  ::setenv("TMPDIR", (folder.path() / "none").c_str(), 1);
  EXPECT_THAT(error_of(Code::Io, [] { (void)many(); }),
              AllOf(HasSubstr("none"), HasSubstr("set TMPDIR")));
  if (old != nullptr) ::setenv("TMPDIR", before.c_str(), 1);
  if (old == nullptr) ::unsetenv("TMPDIR");
}

struct Pair {
  std::int64_t key;
  std::int64_t place;
};

struct ByKey {
  bool operator()(const Pair& a, const Pair& b) const {
    return a.key != b.key ? a.key < b.key : a.place < b.place;
  }
};

TEST(Sorter, MergesRunsIntoOneOrder) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, 5 * Sorter<Pair, ByKey>::kMemory / sizeof(Pair) / 2}) {
    Sorter<Pair, ByKey> sorter;
    Random random(2, "sorter");
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const auto key = static_cast<std::int64_t>(random.below(size / 3 + 1));
      sum += key;
      sorter.add({key, static_cast<std::int64_t>(i)});
    }
    std::size_t count = 0;
    Pair last = {-1, -1};
    sorter.drain([&](const Pair& pair) {
      ASSERT_TRUE(ByKey()(last, pair)) << count;
      last = pair;
      ++count;
      sum -= pair.key;
    });
    EXPECT_EQ(count, size);
    EXPECT_EQ(sum, 0);
  }
}

TEST(RowSet, FindsItsRowsAsAListWould) {
  Random random(3, "rows");
  for (const std::uint64_t one_in : {1, 2, 50, 700, 5000}) {
    RowSet set;
    std::vector<Row> list;
    for (Row row = 0; row < 5000; ++row) {
      const bool member = random.below(one_in) == 0;
      set.append(member);
      if (member) list.push_back(row);
    }
    ASSERT_EQ(set.size(), list.size());
    EXPECT_EQ(set.rows(), 5000);
    for (std::size_t n = 0; n < list.size(); ++n) {
      ASSERT_EQ(set[n], list[n]) << one_in;
      ASSERT_TRUE(set.has(list[n]));
    }
    EXPECT_THAT(std::vector<Row>(set.begin(), set.end()), testing::ElementsAreArray(list));
  }
  EXPECT_TRUE(RowSet().empty());
  EXPECT_TRUE(RowSet().begin() == RowSet().end());
}

}  // namespace
}  // namespace tutti
