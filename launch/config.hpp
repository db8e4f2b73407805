#pragma once

#include "tutti/data/data_options.hpp"
#include "tutti/data/files.hpp"
#include "tutti/train/model.hpp"
#include "tutti/train/trainer.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tutti {

struct ExperimentConfig {
  std::string name = "experiment";
  std::uint64_t seed = 42;
  std::string output;  ///< the run folder; empty: runs/<name>
};

/// Pre-training of a member on item texts and training texts, before it is fine-tuned. What is not
/// here is as in the member's own training.
struct PretrainConfig {
  std::string objective = "none";  ///< none | mlm | clm
  double epochs = 1;
  double learning_rate = 5e-4;
  std::int64_t batch_tokens = 4096;
  int max_length = 64;
  double mask = 0.15;
};

/// One member; also what [train] gives to all of them.
struct MemberConfig {
  std::string name;
  std::string kind = "cross";  ///< cross | two-tower
  BackboneOptions backbone;
  int tower_size = 128;
  int encoding_cache_steps = 0;
  std::string head = "classification";
  int num_labels = 0;
  std::string score_precision = "fp32";  ///< of validation, test and the bundle's scorer
  int ranks = 1;
  int threads = 0;         ///< of a rank; only in [train]; 0: cores of the host / ranks on it
  std::uint64_t seed = 0;  ///< 0: from the experiment's seed and the member's name
  TrainOptions train;
  PretrainConfig pretrain;
  MemberData data;
};

struct EnsembleConfig {
  std::vector<std::string> candidates = {"average", "performance", "parameters", "learned"};
  std::string choose_by;             ///< empty: the first of `metrics`
  std::vector<std::string> metrics;  ///< empty: the usual ones of the task
  int min_members = 1;
  int bootstrap = 1000;
  int folds = 5;
  double threshold = 0.5;
  int top_k = 10;
  std::string normalise;  ///< before every candidate that names no normaliser; empty: none
  double rrf_k = 60;
  double power = 2;
  double trim = 0.2;
  double temperature = 0.1;
  double penalty = 1;
};

/// A whole experiment, every default filled in.
struct Config {
  ExperimentConfig experiment;
  DataOptions data;
  MemberConfig train;
  std::vector<MemberConfig> members;
  EnsembleConfig ensemble;
};

/// Reads `file` (TOML), then the overrides, each "path.to.key=value" (a member by index or name:
/// "member.0.epochs=1"). Relative paths in it start at its folder. Throws Error(Config) with file,
/// line and column for what cannot be, Error(Io) for a file that cannot be read, Error(Usage) for
/// an override that is not key=value.
Config load_config(const Path& file, const std::vector<std::string>& overrides = {});

/// The same from a text; `name` stands for the file in messages, `folder` is where paths start.
Config parse_config(const std::string& text, const std::string& name, const Path& folder,
                    const std::vector<std::string>& overrides = {});

/// The resolved config: every key with its value, in the order of the table. Read again it gives
/// the same Config.
std::string write_config(const Config& config);

/// docs/config.md, from the table of keys.
std::string config_docs();

/// The seed that a member trains with: its own, or one of the experiment's seed and its name.
std::uint64_t member_seed(const Config& config, const MemberConfig& member);

/// "cache:data/ml-100k" -> a path in the cache; anything else as it is.
Path resolve_path(const std::string& path);

/// The data options with every path resolved, as build_store wants them.
DataOptions resolved_data(const Config& config);

}  // namespace tutti
