#include "tutti/data/store.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <functional>
#include <string>

#include "fixture.hpp"

namespace tutti {
namespace {

using test::Folder;
using test::quarter_tested;

// Interactions of 2,000 users with 1,000 items, out of order and with repeats and doubles.
DataOptions generated(const Folder& folder, int rows) {
  DataOptions options = quarter_tested(folder, "user_id,item_id,rating,timestamp\n");
  std::ofstream out(folder.path() / "a.csv", std::ios::binary);
  out << "user_id,item_id,rating,timestamp\n";
  std::uint64_t state = 1;
  for (int i = 0; i < rows; ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    out << 'u' << (state >> 33) % 2000 << ",i" << (state >> 45) % 1000 << ','
        << 1 + (state >> 55) % 5 << ',' << 1000000000 + (state >> 20) % 100000000 << '\n';
  }
  options.split.validation = 0.1;
  options.split.max_validation = 500;
  options.split.max_test = 500;
  options.cleaning.drop_duplicates = false;
  return options;
}

// The highest resident memory of a process of its own that does `work`, in bytes.
std::int64_t peak_of(const std::function<void()>& work) {
  int ends[2] = {-1, -1};
  EXPECT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    std::int64_t kilobytes = -1;
    try {
      work();
      std::ifstream status("/proc/self/status");
      for (std::string word; status >> word;) {
        if (word == "VmHWM:") status >> kilobytes;
      }
    } catch (...) {
      kilobytes = -1;
    }
    const bool told = ::write(ends[1], &kilobytes, sizeof kilobytes) == sizeof kilobytes;
    ::_exit(told ? 0 : 1);
  }
  std::int64_t kilobytes = -1;
  EXPECT_EQ(::read(ends[0], &kilobytes, sizeof kilobytes), ssize_t{sizeof kilobytes});
  ::close(ends[0]);
  ::close(ends[1]);
  ::waitpid(child, nullptr, 0);
  EXPECT_GT(kilobytes, 0) << "the work has failed";
  return 1024 * kilobytes;
}

// Who loads all rows shows here: 720,000 rows more, at 20 bytes each, are more than is allowed.
constexpr std::int64_t kAllowed = 14 << 20;

TEST(Memory, OfAnImportAndItsViewsDoesNotGrowWithInteractions) {
  const Folder folder;
  std::int64_t peak[2] = {0, 0};
  for (int i = 0; i < 2; ++i) {
    const int rows = i == 0 ? 180000 : 900000;
    const DataOptions options = generated(folder, rows);
    const Path file = folder.path() / "dataset.h5";
    const std::int64_t import = peak_of([&] {
      const CleaningReport report = build_store(options, 1, file);
      if (report.kept != rows) throw Error(Code::Internal, "rows went missing");
    });
    const std::int64_t views = peak_of([&] {
      const Store store = Store::open(file);
      MemberData member;
      member.fields = {"id"};
      member.statistics = true;
      member.fold = 0;
      const auto view = training_view(store, member, 1, "m");
      for (Row at = 0; at < view->size(); at += 997) {
        const Example example = view->get(at);
        if (example.text.empty()) throw Error(Code::Internal, "no text");
      }
      const auto test = evaluation_view(store, Part::Test, member);
      check_evaluation_leaks(store, *test, Part::Test, "m");
    });
    peak[i] = std::max(import, views);
    RecordProperty(i == 0 ? "few" : "many", std::to_string(peak[i]));
    std::printf("%d rows: import %lld KiB, views %lld KiB\n", rows,
                static_cast<long long>(import / 1024), static_cast<long long>(views / 1024));
  }
  EXPECT_LT(peak[1] - peak[0], kAllowed);
}

// The same views from a store that stays on disk as from one in memory: every path that depends on
// the size is taken twice.
TEST(Memory, AStoreOnDiskGivesWhatTheSourceHas) {
  const Folder folder;
  const int rows = 300000;
  const DataOptions options = generated(folder, rows);
  build_store(options, 1, folder.path() / "dataset.h5");
  const Store store = Store::open(folder.path() / "dataset.h5");
  ASSERT_TRUE(store.interactions().user.spilled());
  // Each row is still the line that it came from.
  std::ifstream in(folder.path() / "a.csv");
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  const Interactions& all = store.interactions();
  for (std::size_t r = 0; r < static_cast<std::size_t>(rows); r += 1009) {
    const auto rating = static_cast<int>(all.rating[r]);
    EXPECT_EQ(lines[static_cast<std::size_t>(all.line[r]) - 1],
              all.user_ids[static_cast<std::size_t>(all.user[r])] + "," +
                  all.item_ids[static_cast<std::size_t>(all.item[r])] + "," +
                  std::to_string(rating) + "," + std::to_string(all.time[r]));
    EXPECT_EQ(store.labels()[r], rating >= 4 ? 1.0 : 0.0);
  }
  // A history is what a plain loop finds.
  MemberData member;
  member.fields = {"id"};
  member.history = 5;
  const auto view = training_view(store, member, 1, "m");
  for (const Row at : {view->size() / 3, view->size() / 2, view->size() - 1}) {
    const Example example = view->get(at);
    std::vector<Row> expected;
    for (Row r = example.row; r-- > 0 && expected.size() < 5;) {
      const auto row = static_cast<std::size_t>(r);
      if (all.user[row] != example.user || all.time[row] >= example.time) continue;
      const bool seen = std::binary_search(example.sources.rbegin(), example.sources.rend(), r);
      if (seen) expected.push_back(r);  // not a row that repeats a held-out pair
    }
    EXPECT_THAT(example.sources, testing::ElementsAreArray(expected));
    EXPECT_EQ(example.sources.size(), 5U);
  }
}

}  // namespace
}  // namespace tutti
