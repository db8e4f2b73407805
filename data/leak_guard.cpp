#include "tutti/data/error.hpp"
#include "tutti/data/store.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace tutti {

namespace {

const char* name_of(Part part) {
  switch (part) {
    case Part::Train:
      return "training";
    case Part::Validation:
      return "validation";
    case Part::Test:
      return "test";
    case Part::Unused:
      return "left-out";
  }
  return "unknown";
}

// Works on the store's columns and on what a dataset claims; shares no code with the views, so that
// a mistake there is seen here.
class Guard {
 public:
  Guard(const Store& store, const std::string& member)
      : store_(store), all_(store.interactions()), member_(member), timed_(all_.has_times()) {
    for (const Part part : {Part::Validation, Part::Test}) {
      for (const Row row : store.rows(part)) held_.emplace_back(pair_at(row), row);
    }
    std::sort(held_.begin(), held_.end());
  }

  void training(const Example& example) const {
    known(example);
    const Row row = example.row;
    if (part(row) != Part::Train)
      refuse(row, std::string("it is a ") + name_of(part(row)) + " row");
    if (const Row held = held_out(row); held >= 0) {
      refuse(row, std::string("it repeats user and item of ") + name_of(part(held)) + " row " +
                      std::to_string(held));
    }
    sources(example, true);
    statistics(example);
  }

  void evaluation(const Example& example) const {
    known(example);
    sources(example, false);
  }

  [[noreturn]] void refuse(Row row, const std::string& why) const {
    throw Error(Code::Data,
                "leak: member '" + member_ + "', row " + std::to_string(row) + ": " + why,
                "the run is refused: this row may not reach the member");
  }

 private:
  using Pair = std::pair<std::int32_t, std::int32_t>;

  [[nodiscard]] Part part(Row row) const { return store_.parts()[static_cast<std::size_t>(row)]; }
  [[nodiscard]] bool within(Row row) const { return row >= 0 && row < all_.size(); }
  [[nodiscard]] Pair pair_at(Row row) const {
    const auto at = static_cast<std::size_t>(row);
    return {all_.user[at], all_.item[at]};
  }

  // The first validation or test row with the user and item of `row`, or -1.
  [[nodiscard]] Row held_out(Row row) const {
    const auto same =
        std::lower_bound(held_.begin(), held_.end(), std::pair(pair_at(row), Row{-1}));
    return same != held_.end() && same->first == pair_at(row) ? same->second : -1;
  }

  // Is the example the row that it says it is?
  void known(const Example& example) const {
    const Row row = example.row;
    if (!within(row)) {
      refuse(row, "the store has rows 0 .. " + std::to_string(all_.size() - 1));
    }
    if (pair_at(row) != Pair(example.user, example.item)) {
      refuse(row, "its user and item are not those of the store");
    }
    const auto at = static_cast<std::size_t>(row);
    if (example.label != store_.labels()[at] || example.time != all_.time[at]) {
      refuse(row, "its label or time is not that of the store");
    }
  }

  [[nodiscard]] bool earlier(Row source, Row row) const {
    if (!timed_) return source < row;
    return all_.time[static_cast<std::size_t>(source)] < all_.time[static_cast<std::size_t>(row)];
  }

  // Times only grow, so the last row counted is the one to look at.
  void statistics(const Example& example) const {
    Row last = std::min(example.statistics_end, all_.size()) - 1;
    while (last >= 0 && part(last) != Part::Train) --last;
    if (last >= 0 && !earlier(last, example.row)) {
      refuse(example.row,
             "its statistics count rows up to " + std::to_string(last) + ", which is not earlier");
    }
  }

  void sources(const Example& example, bool past_alone) const {
    for (const Row source : example.sources) {
      const std::string name = "row " + std::to_string(source);
      if (!within(source))
        refuse(example.row, "its text was made from " + name + ", which is none");
      if (part(source) != Part::Train) {
        refuse(example.row,
               "its text was made from " + name + ", a " + name_of(part(source)) + " row");
      }
      if (source == example.row) refuse(example.row, "its text was made from itself");
      if (past_alone && !earlier(source, example.row)) {
        refuse(example.row,
               "its text was made from " + name + ", a later event or one of its time");
      }
      if (const Row held = held_out(source); held >= 0) {
        refuse(example.row, "its text was made from " + name + ", which repeats user and item of " +
                                name_of(part(held)) + " row " + std::to_string(held));
      }
    }
  }

  const Store& store_;
  const Interactions& all_;
  const std::string& member_;
  bool timed_;
  std::vector<std::pair<Pair, Row>> held_;  // validation and test rows by user and item
};

}  // namespace

void check_leaks(const Store& store, const Dataset& training, const std::string& member) {
  const Guard guard(store, member);
  for (Row i = 0; i < training.size(); ++i) guard.training(training.get(i));
}

void check_evaluation_leaks(const Store& store, const Dataset& evaluation, Part part,
                            const std::string& member) {
  const Guard guard(store, member);
  const RowSet& rows = store.rows(part);
  if (evaluation.size() != static_cast<Row>(rows.size())) {
    guard.refuse(-1, std::string(name_of(part)) + " has " + std::to_string(rows.size()) +
                         " rows, the member's view " + std::to_string(evaluation.size()));
  }
  auto expected = rows.begin();
  for (Row i = 0; i < evaluation.size(); ++i, ++expected) {
    const Example example = evaluation.get(i);
    if (example.row != *expected) {
      guard.refuse(example.row, "it is not row " + std::to_string(i) + " of the " + name_of(part) +
                                    " part, which every member has to see alike");
    }
    guard.evaluation(example);
  }
}

}  // namespace tutti
