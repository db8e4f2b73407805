#pragma once

#include "tutti/data/files.hpp"
#include "tutti/launch/config.hpp"
#include "tutti/launch/run_record.hpp"

#include <string>

namespace tutti {

class Store;

struct EnsembleResult {
  std::string table;  ///< for people: members and ensemble on test
};

/// From the members' predictions to ensemble/, report.html, report.md and bundle/ in the run
/// folder. Rank 0 alone.
EnsembleResult run_ensemble_stage(const Config& config, const RunRecord& record, const Store& store,
                                  const Path& run_folder);

}  // namespace tutti
