#pragma once

#include "tutti/data/files.hpp"

#include <functional>
#include <string>
#include <vector>

namespace tutti {

/// What one check found.
struct Finding {
  std::string name;
  bool good = true;
  std::string found;
  std::string advice;  ///< what to type, where it is not good
};

/// "ok    disk: 12.3 GB free in runs" / "FAIL  ...: ...\n      type: ..."
std::string finding_text(const Finding& finding);

/// Space for run folders: `needed` bytes in the file system of `folder`.
Finding check_disk(const Path& folder, double needed);
/// Models and data of scripts/setup.
Finding check_cache(const Path& cache);
/// Free memory against `needed` bytes.
Finding check_memory(double needed);
/// Interfaces that are up and can reach another host.
Finding check_interfaces();

/// All checks, on every rank of the job; rank 0 prints. 0, or 70 where one failed.
int run_doctor(const Path& output);

}  // namespace tutti
