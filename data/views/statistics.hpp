#pragma once

#include "tutti/data/column.hpp"
#include "tutti/data/row_set.hpp"
#include "tutti/data/tables.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tutti {

/// How often, and with which sum of labels, a user or an item is in some training rows.
struct Tally {
  std::int32_t count = 0;
  double sum = 0.0;
};

/// Counts and means over training rows, as they stood when a row happened.
///
/// Before a row means strictly earlier in time: rows of one second do not see each other, since
/// their order in a source may follow their ratings. Where the source has no time (all 0), store
/// order takes its place.
class Statistics {
 public:
  struct Known {
    Tally user;
    Tally item;
    Row end = 0;  ///< over training rows before this one
  };

  /// Over `train`; labels: [row].
  Statistics(const Interactions& rows, const Column<double>& labels, const RowSet& train);
  /// For a row of `train`: what was known before it.
  [[nodiscard]] Known before(Row training_row) const;
  /// For what is to be scored: over all of `train`. A user of -1 has none.
  [[nodiscard]] Known all(std::int32_t user, std::int32_t item) const;

 private:
  Row rows_;
  Column<Known> before_;  // [row], those of `train` alone filled
  std::vector<Tally> users_;
  std::vector<Tally> items_;
};

/// "likes 60% of 32 seen"; `rating` tasks "rates 3.6 over 32 seen"; "new user" for none. Counts go
/// to the nearest power of two and shares to steps of 5%, so that few distinct tokens come often.
std::string user_phrase(const Tally& tally, bool rating);
/// "viewers 128, liked by 80%"; rating: "viewers 128, rated 3.6"; "no viewers".
std::string item_phrase(const Tally& tally, bool rating);

}  // namespace tutti
