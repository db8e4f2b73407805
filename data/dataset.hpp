#pragma once

#include "tutti/data/tables.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tutti {

/// One (user, item) pair as a member reads it.
struct Example {
  Row row = -1;  ///< row of the store that it was made from
  std::int32_t user = -1;
  std::int32_t item = -1;
  double label = 0.0;  ///< click, rank: 0 or 1; rating: the rating as in the source
  std::int64_t time = 0;
  std::string text;       ///< the user's side: attributes and history; may be empty
  std::string text_pair;  ///< the item's side
  std::vector<Row>
      sources;  ///< rows that the text was made from (history): what the leak guard checks
  Row statistics_end =
      -1;  ///< statistics in the text are over training rows before this one; -1: none
};

/// A sequence of examples. Views (fold, fraction, bootstrap, ...) wrap another dataset.
///
/// Pure: the same index gives the same example on every rank, in any order; safe to call from many
/// threads.
class Dataset {
 public:
  virtual ~Dataset() = default;
  [[nodiscard]] virtual Row size() const noexcept = 0;
  [[nodiscard]] virtual Example get(Row index) const = 0;
};

}  // namespace tutti
