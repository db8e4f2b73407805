#include "tutti/launch/threads.hpp"

#include <ATen/Parallel.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <thread>

namespace tutti {

std::string host_name() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  return host.data();
}

void set_threads(int threads) { at::set_num_threads(threads); }

int default_threads(int local_ranks) {
  // The affinity mask, not the number of cores: a container or mpirun may have given fewer. A rank
  // that mpirun has bound to its own cores shares them with nobody.
  cpu_set_t mask;
  CPU_ZERO(&mask);
  const int all = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  if (::sched_getaffinity(0, sizeof mask, &mask) != 0) return std::max(1, all / local_ranks);
  const int mine = CPU_COUNT(&mask);
  const bool bound = mine < all && mine * local_ranks <= all;
  return std::max(1, bound ? mine : mine / local_ranks);
}

}  // namespace tutti
