#include "tutti/launch/doctor.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <system_error>

namespace tutti {

namespace {

namespace fs = std::filesystem;

std::string gigabytes(double bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f GB", bytes / 1e9);
  return text;
}

// The nearest folder above that exists: a run folder need not yet.
Path existing(Path folder) {
  std::error_code ignored;
  folder = fs::absolute(folder, ignored);
  while (!fs::exists(folder, ignored) && folder.has_parent_path() &&
         folder != folder.parent_path()) {
    folder = folder.parent_path();
  }
  return folder;
}

// The smaller of what the host has available and what a control group leaves.
double available_memory() {
  double bytes = 0;
  std::ifstream info("/proc/meminfo");
  std::string key;
  std::string unit;
  for (double value = 0; info >> key >> value; std::getline(info, unit)) {
    if (key == "MemAvailable:") bytes = value * 1024;
  }
  double limit = 0;
  double used = 0;
  if (std::ifstream("/sys/fs/cgroup/memory.max") >> limit &&
      std::ifstream("/sys/fs/cgroup/memory.current") >> used && limit - used < bytes) {
    bytes = limit - used;
  }
  return bytes;
}

}  // namespace

std::string finding_text(const Finding& finding) {
  std::string out =
      (finding.good ? "ok    " : "FAIL  ") + finding.name + ": " + finding.found + "\n";
  if (!finding.good) out += "      type: " + finding.advice + "\n";
  return out;
}

Finding check_disk(const Path& folder, double needed) {
  const Path where = existing(folder);
  struct statvfs status {};
  if (::statvfs(where.c_str(), &status) != 0 || ::access(where.c_str(), W_OK) != 0) {
    return {"disk", false, "cannot write in " + where.string(),
            "chmod u+w " + where.string() + ", or give run and doctor another --out"};
  }
  const double free = static_cast<double>(status.f_bavail) * static_cast<double>(status.f_frsize);
  const std::string found = gigabytes(free) + " free in " + where.string();
  if (free >= needed) return {"disk", true, found, ""};
  return {"disk", false, found + ", " + gigabytes(needed) + " wanted",
          "du -xsh " + where.string() + "/* to see what can go, or give another --out"};
}

Finding check_cache(const Path& cache) {
  std::string found;
  std::error_code error;
  for (const char* kind : {"models", "data"}) {
    for (const auto& entry : fs::directory_iterator(cache / kind, error)) {
      if (!entry.is_directory()) continue;
      found += (found.empty() ? "" : ", ") + entry.path().filename().string();
    }
  }
  const Path minilm = cache / "models" / "all-MiniLM-L6-v2" / "model.safetensors";
  const Path movielens = cache / "data" / "ml-100k" / "ml-100k.inter";
  if (fs::exists(minilm) && fs::exists(movielens)) {
    return {"cache", true, found + " in " + cache.string(), ""};
  }
  return {"cache", false, (fs::exists(minilm) ? movielens : minilm).string() + " is missing",
          "scripts/setup"};
}

Finding check_memory(double needed) {
  const double bytes = available_memory();
  const std::string found = gigabytes(bytes) + " available";
  if (bytes >= needed) return {"memory", true, found, ""};
  return {"memory", false, found + ", " + gigabytes(needed) + " wanted for the ranks of this host",
          "mpirun with fewer ranks on this host (-npernode)"};
}

Finding check_interfaces() {
  ifaddrs* all = nullptr;
  std::string found;
  if (::getifaddrs(&all) == 0) {
    for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
      if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET) continue;
      if ((one->ifa_flags & IFF_UP) == 0) continue;
      std::array<char, INET_ADDRSTRLEN> text{};
      const auto* address = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
      ::inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size());
      found += (found.empty() ? "" : ", ") + std::string(one->ifa_name) + " " + text.data();
    }
    ::freeifaddrs(all);
  }
  if (!found.empty()) return {"interfaces", true, found, ""};
  return {"interfaces", false, "no IPv4 interface is up", "ip link set lo up"};
}

}  // namespace tutti
