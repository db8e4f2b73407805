#pragma once

#include "tutti/data/data_options.hpp"
#include "tutti/data/dataset.hpp"
#include "tutti/data/random.hpp"
#include "tutti/data/store.hpp"
#include "tutti/data/views/statistics.hpp"
#include "tutti/data/views/store_index.hpp"

#include <string>
#include <vector>

namespace tutti {

/// Puts rows of a store as text in a member's way. `store` must outlive it. Const use is safe from
/// many threads.
///
///     text       "gender F, age 24. likes 60% of 32 seen. liked Fargo; disliked Twister"
///     text_pair  "Alien (1979) Horror Sci-Fi, viewers 128, liked by 80%"
///
/// History and statistics are of training rows that repeat no held-out pair (StoreIndex).
///
/// The history is latest first and shows the title (the first field where there is none) with a
/// word for the rating, spread evenly over the range of the training ratings: hated, disliked,
/// okay, liked, loved; "chose" where the source has no ratings. The field "id" is the source's own
/// id. Throws Error(Config) for an unknown field.
class TextMaker {
 public:
  TextMaker(const Store& store, const MemberData& options);

  /// History: training rows of the user strictly earlier in time than `row` (before it in store
  /// order where the source has no times); with share_history, than `history_row(row)`, which is
  /// the row itself or an earlier one. `random` drives the augmentation; null: none.
  [[nodiscard]] Example training(Row row, Random* random) const;
  /// The row whose history a training row shows. The rows of a user, as far as they may be seen,
  /// are cut after the first, second, fourth, eighth, ..., and from share_history on at every
  /// multiple of it; the rows of a piece show the history of its first. So a history lacks at most
  /// share_history - 1 rows, and fewer than it has.
  [[nodiscard]] Row history_row(Row row) const;
  /// History: all training rows of the user.
  [[nodiscard]] Example evaluation(Row row) const;
  /// A pair that is no row of the store (row -1, label 0), as an evaluation row would be put. A
  /// user of -1 is one that nothing is known of.
  [[nodiscard]] Example pair(std::int32_t user, std::int32_t item) const;

 private:
  [[nodiscard]] Example bare(Row row) const;
  [[nodiscard]] std::vector<Past> history_of(std::int32_t user, const Past* before) const;
  [[nodiscard]] Example unseen(Example example) const;
  void write_texts(Example& example, const std::vector<Past>& history,
                   const std::vector<char>& keep, const Statistics::Known& known) const;
  [[nodiscard]] const char* verb(double rating) const;

  const Store& store_;
  MemberData options_;
  bool rating_task_;
  const StoreIndex& index_;
  std::vector<const std::vector<std::string>*> fields_;  // [field] item columns
  const std::vector<std::string>* title_;
  std::vector<std::string> user_text_;  // [user] attributes
  const Statistics* statistics_ = nullptr;
};

}  // namespace tutti
