// Rows a second of a member's predictions read from its HDF5 file, checksums checked. Peer:
// hdf5_peer.py.
//
//   bench_hdf5 FILE            reads it
//   bench_hdf5 --make FILE N   writes one with N rows a part
#include "tutti/data/error.hpp"
#include "tutti/data/predictions.hpp"
#include "tutti/data/random.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "bench_main.hpp"

namespace {

using namespace tutti;

constexpr int kRepeats = 7;

PredictionSet random_set(std::uint64_t seed, Row rows) {
  Random random(seed, "bench");
  PredictionSet set;
  set.outputs = 2;
  for (Row i = 0; i < rows; ++i) {
    set.row.push_back(i);
    set.user.push_back(static_cast<std::int32_t>(random.below(10000)));
    set.item.push_back(static_cast<std::int32_t>(random.below(10000)));
    set.label.push_back(static_cast<double>(random.below(2)));
    set.score.push_back(static_cast<double>(random.below(1000000)) / 1e6);
    for (int k = 0; k < 2; ++k) {
      set.logits.push_back(static_cast<float>(random.below(1000000)) / 1e5F - 5.0F);
    }
  }
  return set;
}

void run(const std::vector<std::string>& arguments) {
  if (arguments.at(0) == "--make") {
    const Row rows = std::stol(arguments.at(2));
    write_predictions(arguments.at(1),
                      {"bench", "classification", random_set(1, rows), random_set(2, rows)});
    return;
  }
  std::vector<double> seconds;
  long long check = 0;
  std::size_t rows = 0;
  for (int i = 0; i < kRepeats; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const Predictions read = read_predictions(arguments.at(0));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    seconds.push_back(took.count());
    rows = read.validation.size() + read.test.size();
    check = 0;
    for (const auto* set : {&read.validation, &read.test}) {
      for (const std::int32_t user : set->user) check += user;
    }
  }
  std::sort(seconds.begin(), seconds.end());
  std::printf("check=%lld\n", check);
  std::printf("rate=%.0f rows/s\n", static_cast<double>(rows) / seconds[kRepeats / 2]);
}

}  // namespace

int main(int argc, char** argv) { return tutti::bench_main("bench_hdf5", argc, argv, run); }
