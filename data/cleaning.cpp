#include "tutti/data/cleaning.hpp"

#include "tutti/data/error.hpp"
#include "tutti/data/readers/source_builder.hpp"
#include "tutti/data/sorter.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

namespace tutti {

namespace {

constexpr std::int64_t kDay = 86400;  // seconds

std::string text_of(double value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

struct SourceRow {
  std::int64_t time;
  std::int64_t position;  // in the source
  double rating;
  std::int64_t line;
  std::int32_t user;
  std::int32_t item;
};

struct ByTime {
  bool operator()(const SourceRow& a, const SourceRow& b) const {
    return a.time != b.time ? a.time < b.time : a.position < b.position;
  }
};

struct PairRow {
  std::uint64_t pair;  // user and item
  std::int64_t row;
  std::int64_t time;
};

// The last row of a pair first: it stays, and says what the others are.
struct ByPair {
  bool operator()(const PairRow& a, const PairRow& b) const {
    return a.pair != b.pair ? a.pair < b.pair : a.row > b.row;
  }
};

// Goes over the rows in store order, again and again. In memory are a bit a row and counts of users
// and items; the rows themselves are columns, which spill, and two of them at once at most.
class Cleaner {
 public:
  Cleaner(Source& source, const CleaningOptions& options)
      : source_(source), rows_(source.interactions), options_(options) {}

  // Into store order, without ratings out of range.
  void sort() {
    Sorter<SourceRow, ByTime> sorter;
    {
      auto item = rows_.item.begin();
      auto rating = rows_.rating.begin();
      auto time = rows_.time.begin();
      auto line = rows_.line.begin();
      std::int64_t position = 0;
      for (const std::int32_t user : rows_.user) {
        sorter.add({*time++, position++, *rating++, *line++, user, *item++});
      }
    }
    clear_columns();
    sorter.drain([&](const SourceRow& row) {
      double rating = row.rating;
      if (!fits(rating, row.line)) {
        count(source_.dropped, "rating out of range");
        return;
      }
      rows_.user.push_back(row.user);
      rows_.item.push_back(row.item);
      rows_.rating.push_back(rating);
      rows_.time.push_back(row.time);
      rows_.line.push_back(row.line);
    });
    dropped_.assign(rows_.user.size(), false);
  }

  void duplicates() {
    Sorter<PairRow, ByPair> sorter;
    {
      auto item = rows_.item.begin();
      auto time = rows_.time.begin();
      std::int64_t row = 0;
      for (const std::int32_t user : rows_.user) {
        const auto pair = (static_cast<std::uint64_t>(static_cast<std::uint32_t>(user)) << 32) |
                          static_cast<std::uint32_t>(*item++);
        sorter.add({pair, row++, *time++});
      }
    }
    std::int64_t same_time = 0;
    std::int64_t later = 0;
    std::optional<PairRow> last;
    sorter.drain([&](const PairRow& row) {
      if (!last || last->pair != row.pair) {
        last = row;
        return;
      }
      dropped_[static_cast<std::size_t>(row.row)] = true;
      ++(row.time == last->time ? same_time : later);
    });
    count(source_.dropped, "duplicate: same user, item and time", same_time);
    count(source_.dropped, "repeated: same user and item, later row stays", later);
  }

  // Rows are in order of time, so that one day's counts are enough.
  void robots() {
    std::vector<int> today(rows_.user_ids.size(), 0);
    std::vector<std::int64_t> day_of(today.size(), std::numeric_limits<std::int64_t>::min());
    std::vector<bool> robot(today.size(), false);
    auto time = rows_.time.begin();
    for_kept(rows_.user, [&](std::size_t /*row*/, std::int32_t user, bool kept) {
      const std::int64_t at = *time++;
      if (!kept) return;
      const std::int64_t day = at / kDay - (at % kDay < 0 ? 1 : 0);
      const auto u = static_cast<std::size_t>(user);
      if (day_of[u] != day) today[u] = 0;
      day_of[u] = day;
      if (++today[u] > options_.max_user_per_day) robot[u] = true;
    });
    drop(rows_.user, "robot: more than " + std::to_string(options_.max_user_per_day) + " in a day",
         [&](std::int32_t user) { return robot[static_cast<std::size_t>(user)]; });
  }

  // One round; true when it dropped something.
  bool too_few(const Column<std::int32_t>& entity, std::size_t entities, int least,
               const std::string& reason) {
    if (least <= 1) return false;
    std::vector<int> seen(entities, 0);
    for_kept(entity, [&](std::size_t /*row*/, std::int32_t one, bool kept) {
      seen[static_cast<std::size_t>(one)] += kept ? 1 : 0;
    });
    return drop(entity, reason,
                [&](std::int32_t one) { return seen[static_cast<std::size_t>(one)] < least; });
  }

  void short_histories() {
    for (bool again = true; again;) {
      again = too_few(rows_.user, rows_.user_ids.size(), options_.min_user_interactions,
                      "user with too few interactions");
      again |= too_few(rows_.item, rows_.item_ids.size(), options_.min_item_interactions,
                       "item with too few interactions");
    }
  }

  void apply() {
    if (std::find(dropped_.begin(), dropped_.end(), true) == dropped_.end()) return;
    take(rows_.user);
    take(rows_.item);
    take(rows_.rating);
    take(rows_.time);
    take(rows_.line);
  }

 private:
  bool fits(double& rating, std::int64_t line) {
    // NaN: the source has no ratings.
    if (std::isnan(rating) || (rating >= options_.rating_min && rating <= options_.rating_max)) {
      return true;
    }
    if (options_.out_of_range == "clip") {
      rating = std::clamp(rating, options_.rating_min, options_.rating_max);
      count(source_.repaired, "rating clipped to the range");
      return true;
    }
    if (options_.out_of_range == "drop") return false;
    throw Error(Code::Data,
                source_.file.string() + ":" + std::to_string(line) + ": rating " + text_of(rating) +
                    " is outside " + text_of(options_.rating_min) + " .. " +
                    text_of(options_.rating_max),
                "set data.cleaning.rating_min and rating_max, or out_of_range to \"drop\" or "
                "\"clip\"");
  }

  // Calls use(row, value, is the row kept) for all.
  template <class T, class Use>
  void for_kept(const Column<T>& column, Use use) const {
    std::size_t row = 0;
    for (const T value : column) {
      use(row, value, !dropped_[row]);
      ++row;
    }
  }

  template <class Test>
  bool drop(const Column<std::int32_t>& entity, const std::string& reason, Test test) {
    std::int64_t gone = 0;
    for_kept(entity, [&](std::size_t row, std::int32_t one, bool kept) {
      if (!kept || !test(one)) return;
      dropped_[row] = true;
      ++gone;
    });
    count(source_.dropped, reason, gone);
    return gone != 0;
  }

  void clear_columns() {
    rows_.user.clear();
    rows_.item.clear();
    rows_.rating.clear();
    rows_.time.clear();
    rows_.line.clear();
  }

  template <class T>
  void take(Column<T>& column) const {
    Column<T> out;
    for_kept(column, [&](std::size_t /*row*/, T value, bool kept) {
      if (kept) out.push_back(value);
    });
    column = std::move(out);
  }

  Source& source_;
  Interactions& rows_;
  const CleaningOptions& options_;
  std::vector<bool> dropped_;  // [row], in store order
};

void check(const CleaningOptions& options) {
  if (options.out_of_range != "error" && options.out_of_range != "drop" &&
      options.out_of_range != "clip") {
    throw Error(Code::Config, "data.cleaning.out_of_range is '" + options.out_of_range + "'",
                "known: error, drop, clip");
  }
  if (!(options.rating_min < options.rating_max)) {
    throw Error(Code::Config,
                "data.cleaning.rating_min is " + text_of(options.rating_min) +
                    " and rating_max is " + text_of(options.rating_max),
                "the first has to be smaller");
  }
}

}  // namespace

CleaningReport clean(Source& source, const CleaningOptions& options) {
  check(options);
  Cleaner cleaner(source, options);
  cleaner.sort();
  if (options.drop_duplicates) cleaner.duplicates();
  if (options.max_user_per_day > 0) cleaner.robots();
  cleaner.short_histories();
  cleaner.apply();
  CleaningReport report{source.read, source.interactions.size(), source.dropped, source.repaired};
  if (report.kept == 0) {
    throw Error(Code::Data,
                "cleaning left nothing of " + source.file.string() + ": " + to_json(report),
                "loosen data.cleaning");
  }
  return report;
}

std::string to_json(const CleaningReport& report) {
  nlohmann::ordered_json json = {{"read", report.read}, {"kept", report.kept}};
  json["dropped"] = nlohmann::ordered_json::object();
  json["repaired"] = nlohmann::ordered_json::object();
  for (const auto& [reason, rows] : report.dropped) json["dropped"][reason] = rows;
  for (const auto& [reason, rows] : report.repaired) json["repaired"][reason] = rows;
  return json.dump();
}

CleaningReport cleaning_from_json(const std::string& text) {
  const auto json = nlohmann::ordered_json::parse(text, nullptr, false);
  CleaningReport report;
  try {
    report.read = json.at("read").get<std::int64_t>();
    report.kept = json.at("kept").get<std::int64_t>();
    for (const auto& [reason, rows] : json.at("dropped").items()) {
      report.dropped.emplace_back(reason, rows.get<std::int64_t>());
    }
    for (const auto& [reason, rows] : json.at("repaired").items()) {
      report.repaired.emplace_back(reason, rows.get<std::int64_t>());
    }
  } catch (const nlohmann::json::exception& error) {
    throw Error(Code::Data, std::string("not a cleaning report: ") + error.what());
  }
  return report;
}

}  // namespace tutti
