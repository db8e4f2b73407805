#pragma once

#include "tutti/data/column.hpp"
#include "tutti/data/row_set.hpp"
#include "tutti/data/store.hpp"
#include "tutti/data/views/statistics.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace tutti {

/// An interaction as a text shows it.
struct Past {
  Row row = -1;
  std::int64_t time = 0;
  double rating = 0.0;
  std::int32_t item = -1;
};

/// What every view of a store needs and none changes; one for all members. In memory: a bit a row,
/// eight bytes a user, and sixteen a held-out row while it is made. The rest are columns.
class StoreIndex {
 public:
  explicit StoreIndex(const Store& store);
  StoreIndex(const StoreIndex&) = delete;
  StoreIndex& operator=(const StoreIndex&) = delete;

  /// What a member may see, as example or in a text: the training rows without those whose user and
  /// item are a validation or test row too. Where repeated interactions are kept, these would give
  /// the answer away.
  [[nodiscard]] const RowSet& training_rows() const noexcept { return training_; }

  /// The last `most` of the user's training rows, in store order; of them, where `before` is given,
  /// those alone that came before that row: strictly earlier in time (in store order where the
  /// source has no times).
  [[nodiscard]] std::vector<Past> history(std::int32_t user, std::size_t most,
                                          const Past* before) const;

  /// Of the pieces into which the user's training rows are cut after the first, second, fourth, ...
  /// and from `most` on at every multiple of it: the first row of the one that `row` is in.
  [[nodiscard]] Row first_of_piece(std::int32_t user, Row row, std::size_t most) const;

  /// Of the training rows; NaN does not count.
  [[nodiscard]] double rating_min() const noexcept { return rating_min_; }
  [[nodiscard]] double rating_max() const noexcept { return rating_max_; }

  /// Over the training rows; made on first use.
  [[nodiscard]] const Statistics& statistics() const;

 private:
  const Interactions& rows_;
  const Column<double>& labels_;
  bool timed_;
  RowSet training_;
  std::vector<std::size_t> user_begin_;  // [user + 1] into pasts_
  Column<Past> pasts_;                   // by user, then in store order
  double rating_min_;
  double rating_max_;
  mutable std::once_flag counted_;
  mutable std::unique_ptr<Statistics> statistics_;
};

}  // namespace tutti
