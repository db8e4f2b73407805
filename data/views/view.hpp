#pragma once

#include "tutti/data/column.hpp"
#include "tutti/data/data_options.hpp"
#include "tutti/data/dataset.hpp"
#include "tutti/data/row_set.hpp"
#include "tutti/data/store.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace tutti {

/// A dataset that can say cheaply which row of the store an example is of, so that views choose
/// without making texts.
class View : public Dataset {
 public:
  [[nodiscard]] virtual Row row(Row index) const = 0;
};

using ViewPtr = std::unique_ptr<View>;

/// `base` at the positions `picks`: in their order, or each as often as it is there.
ViewPtr select(ViewPtr base, RowSet picks);
ViewPtr select(ViewPtr base, Column<Row> picks);

/// The positions of `base` whose row passes the test.
template <class Test>
RowSet positions_where(const View& base, Test test) {
  RowSet picks;
  for (Row i = 0; i < base.size(); ++i) picks.append(test(base.row(i)));
  return picks;
}

/// All rows but those of fold `fold` of `of`. Folds are drawn row by row from (seed, row): the same
/// for every member, whatever other views do. Throws Error(Config) unless 0 <= fold < of, of >= 2.
ViewPtr fold_view(ViewPtr base, int fold, int of, std::uint64_t seed);
/// The fold of a row, 0 .. of-1.
int fold_of(std::uint64_t seed, Row row, int of);

/// A fraction in (0, 1], drawn without replacement, and after it at most `most` examples (0: all).
ViewPtr fraction_view(ViewPtr base, double fraction, std::int64_t most, std::uint64_t seed,
                      const std::string& member);

/// As many examples as `base`, drawn with replacement, in the order of `base`.
ViewPtr bootstrap_view(ViewPtr base, std::uint64_t seed, const std::string& member);

/// Rows with from <= time < to; 0: open end.
ViewPtr time_window_view(ViewPtr base, const Store& store, std::int64_t from, std::int64_t to);

/// Rows of users with COLUMN=VALUE. Throws Error(Config) for an unknown column.
ViewPtr segment_view(ViewPtr base, const Store& store, const std::string& segment);

/// The latest part, a fraction in (0, 1] of the examples.
ViewPtr last_view(ViewPtr base, double last);

}  // namespace tutti
