#include "tutti/launch/threads.hpp"

#include <ATen/Parallel.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <utility>

namespace tutti {

namespace {

// Numbers of package and core, as one; the CPU's own where /sys does not say.
int core_of(int cpu) {
  const std::string folder = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
  int package = -1;
  int core = -1;
  std::ifstream(folder + "physical_package_id") >> package;
  std::ifstream(folder + "core_id") >> core;
  if (package < 0 || core < 0) return cpu;
  return (package << 16) | core;
}

std::vector<std::size_t> sharers(std::span<const Place> places, std::size_t rank) {
  std::vector<std::size_t> out;
  for (std::size_t r = 0; r < places.size(); ++r) {
    if (places[r].host == places[rank].host && places[r].cpus == places[rank].cpus) {
      out.push_back(r);
    }
  }
  return out;
}

bool has(const Place& place, const Cpu& cpu) {
  return std::find(place.cpus.begin(), place.cpus.end(), cpu) != place.cpus.end();
}

}  // namespace

std::string host_name() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  return host.data();
}

void set_threads(int threads) { at::set_num_threads(threads); }

Place this_place() {
  Place place{host_name(), {}};
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (::sched_getaffinity(0, sizeof mask, &mask) != 0) return place;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &mask)) place.cpus.push_back({cpu, core_of(cpu)});
  }
  return place;
}

std::string place_text(const Place& place) {
  std::string out = place.host;
  for (const Cpu& cpu : place.cpus) {
    out += " " + std::to_string(cpu.id) + " " + std::to_string(cpu.core);
  }
  return out;
}

Place parse_place(const std::string& text) {
  std::istringstream in(text);
  Place place;
  in >> place.host;
  for (Cpu cpu; in >> cpu.id >> cpu.core;) place.cpus.push_back(cpu);
  return place;
}

std::vector<Cpu> cpus_of(std::span<const Place> places, std::size_t rank) {
  const std::vector<std::size_t> same = sharers(places, rank);
  std::vector<Cpu> all = places[rank].cpus;
  for (std::size_t r = 0; r < places.size(); ++r) {
    if (places[r].host != places[rank].host || places[r].cpus == places[rank].cpus) continue;
    const bool overlaps =
        std::any_of(all.begin(), all.end(), [&](const Cpu& cpu) { return has(places[r], cpu); });
    if (overlaps) return all;
  }
  std::vector<int> cores;
  for (const Cpu& cpu : all) cores.push_back(cpu.core);
  std::sort(cores.begin(), cores.end());
  cores.erase(std::unique(cores.begin(), cores.end()), cores.end());
  if (same.size() < 2 || cores.size() < same.size()) return all;
  // Contiguous parts: neighbours share caches.
  const auto place =
      static_cast<std::size_t>(std::find(same.begin(), same.end(), rank) - same.begin());
  const std::size_t first = place * cores.size() / same.size();
  const std::size_t end = (place + 1) * cores.size() / same.size();
  std::erase_if(all, [&](const Cpu& cpu) {
    const auto core = static_cast<std::size_t>(
        std::lower_bound(cores.begin(), cores.end(), cpu.core) - cores.begin());
    return core < first || core >= end;
  });
  return all;
}

int threads_of(std::span<const Place> places, std::size_t rank) {
  double part = 0;
  for (const Cpu& cpu : places[rank].cpus) {
    const auto on_it = std::count_if(places.begin(), places.end(), [&](const Place& place) {
      return place.host == places[rank].host && has(place, cpu);
    });
    part += 1.0 / static_cast<double>(on_it);
  }
  constexpr double kRounding = 1e-9;  // of sums like 3 * (1.0 / 3)
  return std::max(1, static_cast<int>(part + kRounding));
}

bool keep_to(std::span<const Cpu> cpus) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  for (const Cpu& cpu : cpus) CPU_SET(cpu.id, &mask);
  return !cpus.empty() && ::sched_setaffinity(0, sizeof mask, &mask) == 0;
}

}  // namespace tutti
