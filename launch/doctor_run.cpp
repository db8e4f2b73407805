#include "tutti/data/cache.hpp"
#include "tutti/data/error.hpp"
#include "tutti/launch/command.hpp"
#include "tutti/launch/config.hpp"
#include "tutti/launch/doctor.hpp"
#include "tutti/launch/threads.hpp"
#include "tutti/launch/version.hpp"
#include "tutti/train/comm/mpi.hpp"
#include "tutti/train/communicator.hpp"
#include "tutti/train/device.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <map>
#include <memory>

namespace tutti {

namespace {

using Clock = std::chrono::steady_clock;

constexpr double kDisk = 2e9;             // a run with a few small members
constexpr double kMemoryPerRank = 1.5e9;  // LibTorch and a small model with its optimiser
constexpr std::size_t kBlock = 1 << 20;   // of the bandwidth probe, a rank
constexpr int kRounds = 20;
constexpr double kSlowRoundTrip = 0.05;  // seconds; a healthy network takes well under 1 ms
constexpr std::chrono::seconds kTimeout{8};

Finding check_hosts(const std::vector<std::string>& hosts) {
  std::map<std::string, int> ranks;
  for (const std::string& host : hosts) ++ranks[host];
  std::string found = std::to_string(hosts.size()) + " ranks:";
  for (const auto& [host, count] : ranks) found += " " + host + " x " + std::to_string(count);
  return {"ranks", true, found, ""};
}

Finding check_versions(const std::vector<std::string>& versions) {
  for (std::size_t r = 1; r < versions.size(); ++r) {
    if (versions[r] == versions[0]) continue;
    return {"versions", false,
            "rank " + std::to_string(r) + " is " + versions[r] + ", rank 0 is " + versions[0],
            "install the same build on every host"};
  }
  return {"versions", true, versions[0], ""};
}

Finding check_transport(Communicator& everyone) {
  if (everyone.world_size() == 1) {
    return {"MPI", true, "one process: nothing to measure (start with mpirun -n 2 or more)", ""};
  }
  everyone.barrier();
  auto begin = Clock::now();
  for (int i = 0; i < kRounds; ++i) everyone.barrier();
  const double round_trip = std::chrono::duration<double>(Clock::now() - begin).count() / kRounds;
  const std::vector<std::byte> mine(kBlock);
  std::vector<std::byte> all(kBlock * static_cast<std::size_t>(everyone.world_size()));
  everyone.all_gather(mine, all);
  begin = Clock::now();
  for (int i = 0; i < kRounds; ++i) everyone.all_gather(mine, all);
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  const double moved =
      static_cast<double>(kRounds) * static_cast<double>(kBlock) * (everyone.world_size() - 1);
  char text[96];
  std::snprintf(text, sizeof text, "barrier %.0f us, all-gather %.2f GB/s into each rank",
                1e6 * round_trip, moved / seconds / 1e9);
  if (round_trip < kSlowRoundTrip) return {"MPI", true, text, ""};
  return {"MPI", false, text,
          "mpirun --mca btl_tcp_if_include INTERFACE (see interfaces above), or fewer ranks than "
          "cores"};
}

Finding check_devices() {
  const int cards = cuda_device_count();
  const std::string found = "built for " + accelerators() + "; " + std::to_string(cards) +
                            " CUDA device" + (cards == 1 ? "" : "s");
  return {"devices", true, found, ""};
}

// Findings of one rank that concern its host, as JSON: rank 0 prints them once a host.
std::string host_findings(const Path& output) {
  nlohmann::json out = nlohmann::json::array();
  const double memory = kMemoryPerRank * launched_local_ranks();
  for (const Finding& finding : {check_interfaces(), check_devices(), check_memory(memory),
                                 check_disk(output, kDisk), check_cache(cache_folder())}) {
    out.push_back({finding.name, finding.good, finding.found, finding.advice});
  }
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::vector<Finding> parse_findings(const std::string& text, const std::string& host) {
  std::vector<Finding> out;
  for (const auto& one : nlohmann::json::parse(text)) {
    out.push_back({host + one[0].get<std::string>(), one[1].get<bool>(), one[2].get<std::string>(),
                   one[3].get<std::string>()});
  }
  return out;
}

}  // namespace

namespace {

int examine(Communicator& all, const Path& output) {
  Communicator* const everyone = &all;
  const auto hosts = all_gather_strings(*everyone, host_name());
  const auto versions =
      all_gather_strings(*everyone, "tutti " + tutti_version() + ", LibTorch " + torch_version() +
                                        ", " + build_description());
  const auto of_hosts = all_gather_strings(*everyone, host_findings(output));
  std::vector<Finding> findings = {check_hosts(hosts), check_versions(versions)};
  const bool many = std::any_of(hosts.begin(), hosts.end(),
                                [&](const std::string& host) { return host != hosts[0]; });
  for (std::size_t r = 0; r < hosts.size(); ++r) {
    if (std::find(hosts.begin(), hosts.begin() + static_cast<std::ptrdiff_t>(r), hosts[r]) !=
        hosts.begin() + static_cast<std::ptrdiff_t>(r)) {
      continue;
    }
    for (Finding& finding : parse_findings(of_hosts[r], many ? hosts[r] + " " : "")) {
      findings.push_back(std::move(finding));
    }
  }
  findings.push_back(check_transport(*everyone));
  std::vector<Place> places;
  for (const std::string& text : all_gather_strings(*everyone, place_text(this_place()))) {
    places.push_back(parse_place(text));
  }
  const int threads = threads_of(places, static_cast<std::size_t>(everyone->rank()));
  findings.push_back({"threads", true, std::to_string(threads) + " a rank", ""});
  bool good = true;
  for (const Finding& finding : findings) {
    good = good && finding.good;
    if (everyone->rank() == 0) std::cout << finding_text(finding);
  }
  if (everyone->rank() == 0) std::cout << (good ? "all is well\n" : "not all is well\n");
  // Every rank has the same findings but its own times: rank 0's verdict is the job's.
  return std::stoi(all_gather_strings(*everyone, good ? "0" : "70")[0]);
}

}  // namespace

int run_doctor(const Path& output) {
  MpiOptions options;
  options.timeout = kTimeout;
  const auto world = launched_ranks() > 1 ? std::make_unique<MpiWorld>(options) : nullptr;
  const auto everyone = world ? world->world(options) : make_single_communicator();
  try {
    return examine(*everyone, output);
  } catch (const Error& error) {
    if (!world || error.code() != Code::Resumable) throw;
    // MPI_Finalize would wait for ever for the ranks that did not answer.
    print_error("on " + world->host() + ": " + error.what());
    world->abort(static_cast<int>(error.code()));
  }
}

}  // namespace tutti
