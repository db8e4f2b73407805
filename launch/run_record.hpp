#pragma once

#include "tutti/data/files.hpp"
#include "tutti/data/store.hpp"
#include "tutti/launch/config.hpp"
#include "tutti/launch/messages.hpp"

#include <string>
#include <vector>

namespace tutti {

/// What run.json tells of a run: state, provenance and times. It is the only file of a run folder,
/// beside metrics.jsonl, that differs when the run is repeated.
struct RunRecord {
  std::string state = "training";  ///< training | done | partial | quorum | failed
  std::string config_sha256;
  std::string fingerprint;  ///< of the data
  int ranks = 1;
  int threads = 1;
  std::string host;
  CleaningReport cleaning;
  std::vector<Done> members;
  double idle = 0;  ///< share of the ranks' time, while members trained, that no member used
  double data_seconds = 0;
  double training_seconds = 0;
  double ensemble_seconds = 0;
};

void write_record(const Path& file, const Config& config, const RunRecord& record);

/// "100000 rows read, 99998 kept; dropped 2 duplicates" for people.
std::string cleaning_text(const CleaningReport& report);

}  // namespace tutti
