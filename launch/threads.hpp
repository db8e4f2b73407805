#pragma once

#include <span>
#include <string>
#include <vector>

namespace tutti {

/// As the operating system names this machine.
std::string host_name();

/// Sets how many threads LibTorch computes with in this process.
void set_threads(int threads);

/// A hardware thread that a process may run on, and the core that it belongs to.
struct Cpu {
  int id = -1;
  int core = -1;  ///< no other package's core has this number
  bool operator==(const Cpu&) const = default;
};

/// Where a rank may run: its host, and there what its affinity mask (container, mpirun) allows.
struct Place {
  std::string host;
  std::vector<Cpu> cpus;
};

/// This process's; cores from /sys, each hardware thread a core of its own where it is silent.
Place this_place();
std::string place_text(const Place& place);
Place parse_place(const std::string& text);

/// Which of its CPUs a rank should keep to, given the places of all ranks: all, where it shares
/// none; where several ranks of a host share just the same ones (nobody bound them: a container's
/// mask, mpirun --bind-to none), its part of their cores, so that no two ranks are on one core. All
/// of them where there are fewer cores than ranks, or where masks overlap in another way.
std::vector<Cpu> cpus_of(std::span<const Place> places, std::size_t rank);

/// How many threads a rank should compute with: its part of the CPUs of its host, each counted by
/// how many ranks may run on it; at least 1.
int threads_of(std::span<const Place> places, std::size_t rank);

/// Keeps this process, and the threads that it makes from now on, to these. False where the system
/// refuses: then nothing is changed.
bool keep_to(std::span<const Cpu> cpus);

}  // namespace tutti
