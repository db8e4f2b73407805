#include "tutti/data/cleaning.hpp"

#include "tutti/data/error.hpp"
#include "tutti/data/readers/source_builder.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <numeric>
#include <sstream>
#include <unordered_map>
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

// The rows that are still kept, by index into the source, in store order.
class Cleaner {
 public:
  Cleaner(Source& source, const CleaningOptions& options)
      : source_(source), rows_(source.interactions), options_(options) {
    order_.resize(rows_.user.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::stable_sort(order_.begin(), order_.end(),
                     [&](std::size_t a, std::size_t b) { return rows_.time[a] < rows_.time[b]; });
  }

  void ratings() {
    keep("rating out of range", [&](std::size_t r) {
      double& rating = rows_.rating[r];
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
                  source_.file.string() + ":" + std::to_string(rows_.line[r]) + ": rating " +
                      text_of(rating) + " is outside " + text_of(options_.rating_min) + " .. " +
                      text_of(options_.rating_max),
                  "set data.cleaning.rating_min and rating_max, or out_of_range to \"drop\" or "
                  "\"clip\"");
    });
  }

  void duplicates() {
    std::unordered_map<std::uint64_t, std::int64_t> last;  // (user, item) -> time of the last row
    std::vector<char> drop(rows_.user.size(), 0);          // 1: duplicate, 2: the pair again, later
    for (auto r = order_.rbegin(); r != order_.rend(); ++r) {
      const auto key =
          (static_cast<std::uint64_t>(static_cast<std::uint32_t>(rows_.user[*r])) << 32) |
          static_cast<std::uint32_t>(rows_.item[*r]);
      const auto [place, fresh] = last.emplace(key, rows_.time[*r]);
      if (!fresh) drop[*r] = place->second == rows_.time[*r] ? 1 : 2;
    }
    keep("duplicate: same user, item and time", [&](std::size_t r) { return drop[r] != 1; });
    keep("repeated: same user and item, later row stays",
         [&](std::size_t r) { return drop[r] != 2; });
  }

  void robots() {
    std::map<std::pair<std::int32_t, std::int64_t>, int> per_day;
    std::vector<bool> robot(rows_.user_ids.size(), false);
    for (const std::size_t r : order_) {
      const std::int64_t day = rows_.time[r] / kDay - (rows_.time[r] % kDay < 0 ? 1 : 0);
      if (++per_day[{rows_.user[r], day}] > options_.max_user_per_day) {
        robot[static_cast<std::size_t>(rows_.user[r])] = true;
      }
    }
    keep("robot: more than " + std::to_string(options_.max_user_per_day) + " in a day",
         [&](std::size_t r) { return !robot[static_cast<std::size_t>(rows_.user[r])]; });
  }

  // One round; true when it dropped something.
  bool too_few(const std::vector<std::int32_t>& entity, std::size_t entities, int least,
               const std::string& reason) {
    std::vector<int> seen(entities, 0);
    for (const std::size_t r : order_) ++seen[static_cast<std::size_t>(entity[r])];
    return keep(reason,
                [&](std::size_t r) { return seen[static_cast<std::size_t>(entity[r])] >= least; });
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
    take(rows_.user);
    take(rows_.item);
    take(rows_.rating);
    take(rows_.time);
    take(rows_.line);
  }

 private:
  template <class Test>
  bool keep(const std::string& reason, Test test) {
    std::vector<std::size_t> left;
    left.reserve(order_.size());
    for (const std::size_t r : order_) {
      if (test(r)) left.push_back(r);
    }
    const std::size_t gone = order_.size() - left.size();
    count(source_.dropped, reason, static_cast<std::int64_t>(gone));
    order_ = std::move(left);
    return gone != 0;
  }

  template <class T>
  void take(std::vector<T>& column) const {
    std::vector<T> out;
    out.reserve(order_.size());
    for (const std::size_t r : order_) out.push_back(column[r]);
    column = std::move(out);
  }

  Source& source_;
  Interactions& rows_;
  const CleaningOptions& options_;
  std::vector<std::size_t> order_;
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
  cleaner.ratings();
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
