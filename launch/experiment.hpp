#pragma once

#include "tutti/data/files.hpp"

#include <string>
#include <vector>

namespace tutti {

struct ExperimentOptions {
  Path config;
  std::vector<std::string> overrides;
  Path output;  ///< the run folder; empty: as the config says
  bool fresh = false;
};

/// `tutti run`, on every rank of the job: data, members, fusion, report and bundle. Returns the
/// exit code: 0, 3 (some members failed) or 4 (too few are left). Throws Error alike on all ranks
/// for what fails before members train; what breaks a rank alone later ends the job with its code.
int run_experiment(const ExperimentOptions& options);

}  // namespace tutti
