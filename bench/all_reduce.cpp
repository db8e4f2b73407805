// Gigabytes a second of an all-reduce of fp32 values over the ranks of mpirun: the tensor's bytes
// over the time of a call. Peer: all_reduce_peer.py.
//
//   bench_all_reduce MEGABYTES REPEATS
#include "tutti/launch/threads.hpp"
#include "tutti/train/comm/mpi.hpp"
#include "tutti/train/communicator.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "bench_main.hpp"

namespace {

using namespace tutti;

constexpr int kWarmup = 3;

void run(const std::vector<std::string>& arguments) {
  const double megabytes = std::stod(arguments.at(0));
  const int repeats = std::stoi(arguments.at(1));
  set_threads(1);
  MpiWorld world;
  const auto group = world.world();
  at::Tensor values = at::zeros({std::max<std::int64_t>(1, std::int64_t(megabytes * 250000))});
  std::vector<double> seconds;
  for (int i = 0; i < kWarmup + repeats; ++i) {
    group->barrier();
    const auto begin = std::chrono::steady_clock::now();
    group->all_reduce_sum(values);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    if (i >= kWarmup) seconds.push_back(took.count());
  }
  if (group->rank() != 0) return;
  std::sort(seconds.begin(), seconds.end());
  const double median = seconds[seconds.size() / 2];
  std::printf("check=%lld\n", static_cast<long long>(values.nbytes()));
  std::printf("rate=%.4f GB/s (%.1f us a call)\n",
              static_cast<double>(values.nbytes()) / median / 1e9, median * 1e6);
}

}  // namespace

int main(int argc, char** argv) { return tutti::bench_main("bench_all_reduce", argc, argv, run); }
