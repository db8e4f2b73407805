#pragma once

#include "tutti/data/batch.hpp"
#include "tutti/data/dataset.hpp"
#include "tutti/data/files.hpp"
#include "tutti/data/store.hpp"
#include "tutti/data/tokenizer.hpp"
#include "tutti/launch/config.hpp"

#include <cstdint>
#include <vector>

namespace tutti {

/// A member's examples as tokens, through files in `folder` that members share: texts are tokenised
/// once for all members whose texts and vocabulary are the same, whatever rows each of them takes.
///
/// A training view that is not augmented and takes half of the training rows or more shares a file
/// of all training rows; another one shares with views that are quite like it. The ids are those of
/// tokenise(): a file only saves the time.
class MemberTokens {
 public:
  MemberTokens(Path folder, const Store& store, const MemberConfig& member, std::uint64_t seed,
               const Tokenizer& tokenizer);

  /// Makes the file where it is not there yet. For one rank of a group; others may read after it.
  void prepare(const Dataset& view, Part part) const;
  /// From the file; where it cannot be read (a file system that does not show it yet), from the
  /// texts.
  [[nodiscard]] std::vector<Tokens> read(const Dataset& view, Part part) const;

 private:
  struct Shared;
  [[nodiscard]] Shared shared(const Dataset& view, Part part) const;

  Path folder_;
  const Store& store_;
  const MemberConfig& member_;
  std::uint64_t seed_;
  const Tokenizer& tokenizer_;
};

}  // namespace tutti
