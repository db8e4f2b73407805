#pragma once

#include "tutti/launch/config.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tutti {

class Store;

/// What the cost model needs to know of a member before it exists.
struct MemberEstimate {
  double layers = 0;
  double hidden = 0;
  double intermediate = 0;  ///< width of the feed-forward part
  double heads = 0;
  bool gated = false;  ///< a feed-forward part of three matrices
  double vocab = 0;
  double layer_parameters = 0;      ///< those that every token passes through
  double embedding_parameters = 0;  ///< looked up only
  double training_rows = 0;
  double tokens = 0;       ///< an example, after truncation
  double scored_rows = 0;  ///< validation and test
};

/// Memory of one rank in bytes, by what it is for.
struct MemoryEstimate {
  double process = 0;     ///< the program, LibTorch and MPI, before any member
  double data = 0;        ///< tokens of the member's rows
  double parameters = 0;  ///< values that stay between steps
  double gradients = 0;   ///< with buckets on their way
  double optimizer = 0;
  double activations = 0;  ///< what a forward pass keeps, and what backward adds to it
  [[nodiscard]] double total() const {
    return process + data + parameters + gradients + optimizer + activations;
  }
};

/// Of one rank in the member's training, where its memory is highest. Formula and constants:
/// docs/scaling.md, "Memory".
MemoryEstimate estimate_memory(const MemberConfig& member, const MemberEstimate& estimate);

struct PlannedMember {
  int member = 0;    ///< index in the config
  int ranks = 1;     ///< as the config says, or as with_ranks chose
  double work = 0;   ///< floating-point operations, expected
  double bytes = 0;  ///< memory of one of its ranks, expected
  double start = 0;  ///< in units of work of one rank, from the simulated schedule
  double end = 0;
  std::vector<int> on;  ///< ranks, if members take what the model expects
};

struct Plan {
  int ranks = 1;
  std::vector<PlannedMember> members;  ///< in the order in which they start
  double end = 0;                      ///< of the last member
  double idle = 0;                     ///< share of the ranks' time until then that nobody uses
};

/// Members over ranks: a pure function. Work is 6 P T a training token and 2 P T a scored one
/// (Kaplan et al. 2020, arXiv:2001.08361, with P the parameters that a token passes through);
/// memory is estimate_memory. Throws Error(Config) for
/// a member that wants more ranks than there are, and for ranks that no member could ever use.
Plan make_plan(const Config& config, const std::vector<MemberEstimate>& estimates, int ranks);

/// The refusals of make_plan that need no estimate.
void check_ranks(const Config& config, int ranks);

/// Reads the model's shape (from its folder's config.json where it has one) and measures the
/// member's texts: a pass over a sample, no model is made.
std::vector<MemberEstimate> estimate_members(const Config& config, const Store& store);

/// As a table for people.
std::string plan_table(const Config& config, const Plan& plan);

}  // namespace tutti
