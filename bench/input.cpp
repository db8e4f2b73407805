// Memory and time of the data part, for one size: an import, then a member's views of the store.
//   bench_input ROWS [FOLDER]
// Makes ROWS interactions of 50,000 users with 20,000 items in FOLDER (default: $TMPDIR), and
// prints a line "rows=... import_s=... import_hwm_mb=... views_s=... examples=... hwm_mb=...",
// where hwm is VmHWM, the highest resident memory of the process so far. Two sizes side by side
// show whether it grows: for n in 1000000 10000000; do bench_input $n; done
#include "tutti/data/error.hpp"
#include "tutti/data/store.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double high_water_mb() {
  std::ifstream status("/proc/self/status");
  double kilobytes = 0;
  for (std::string word; status >> word;) {
    if (word == "VmHWM:") status >> kilobytes;
  }
  return kilobytes / 1024;
}

void generate(const tutti::Path& file, std::int64_t rows) {
  std::ofstream out(file, std::ios::binary);
  out << "user_id,item_id,rating,timestamp\n";
  std::uint64_t state = 1;
  for (std::int64_t i = 0; i < rows; ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    const std::uint64_t draw = state >> 17;
    out << 'u' << draw % 50000 << ",i" << (draw >> 20) % 20000 << ',' << 1 + draw % 5 << ','
        << 1000000000 + (state >> 33) % 600000000 << '\n';
  }
}

void run(std::int64_t rows, const tutti::Path& folder) {
  generate(folder / "ratings.csv", rows);
  tutti::DataOptions options;
  options.source = "csv";
  options.path = folder.string();
  options.csv.interactions = "ratings.csv";
  options.split.max_validation = 4000;
  options.split.max_test = 4000;
  auto begin = Clock::now();
  tutti::build_store(options, 1, folder / "dataset.h5");
  const double import_s = since(begin);
  const double import_mb = high_water_mb();
  begin = Clock::now();
  const tutti::Store store = tutti::Store::open(folder / "dataset.h5");
  tutti::MemberData member;
  member.fields = {"id"};
  member.statistics = true;
  member.last = std::min(1.0, 5e5 / static_cast<double>(rows));  // a draw takes 4 bytes a row
  const auto view = tutti::training_view(store, member, 1, "bench");
  tutti::check_leaks(store, *view, "bench");  // makes every text that the member has
  std::printf("rows=%lld import_s=%.1f import_hwm_mb=%.0f views_s=%.1f examples=%lld hwm_mb=%.0f\n",
              static_cast<long long>(rows), import_s, import_mb, since(begin),
              static_cast<long long>(view->size()), high_water_mb());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 64;
  const tutti::Path base = argc > 2 ? argv[2] : std::filesystem::temp_directory_path().string();
  const tutti::Path folder = base / ("tutti-bench-input-" + std::to_string(::getpid()));
  int code = 0;
  try {
    tutti::make_folder(folder);
    run(std::stoll(argv[1]), folder);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    code = 70;
  }
  std::filesystem::remove_all(folder);
  return code;
}
