#include "tutti/data/views/statistics.hpp"

#include <cmath>

namespace tutti {

namespace {

std::string rounded_count(std::int32_t count) {
  return std::to_string(1L << std::lround(std::log2(static_cast<double>(count))));
}

std::string rounded_share(const Tally& tally) {
  return std::to_string(5 * std::lround(20.0 * tally.sum / tally.count)) + "%";
}

std::string rounded_mean(const Tally& tally) {
  const long tenths = std::lround(10.0 * tally.sum / tally.count);
  return (tenths < 0 ? "-" : "") + std::to_string(std::labs(tenths) / 10) + "." +
         std::to_string(std::labs(tenths) % 10);
}

void add(Tally& tally, double label) {
  ++tally.count;
  tally.sum += label;
}

}  // namespace

Statistics::Statistics(const Interactions& rows, const Column<double>& labels, const RowSet& train)
    : rows_(rows.size()), users_(rows.user_ids.size()), items_(rows.item_ids.size()) {
  const bool timed = rows.has_times();
  // What is counted lags behind what is told, by the rows of one second.
  auto counted_user = rows.user.begin();
  auto counted_item = rows.item.begin();
  auto counted_label = labels.begin();
  Row counted = 0;
  const auto count_to = [&](Row end) {
    for (; counted < end; ++counted, ++counted_user, ++counted_item, ++counted_label) {
      if (!train.has(counted)) continue;
      add(users_[static_cast<std::size_t>(*counted_user)], *counted_label);
      add(items_[static_cast<std::size_t>(*counted_item)], *counted_label);
    }
  };
  auto item = rows.item.begin();
  auto time = rows.time.begin();
  std::int64_t second = 0;
  Row first = -1;  // training row of this second
  Row row = 0;
  for (const std::int32_t user : rows.user) {
    const std::int64_t at = *time++;
    const std::int32_t of = *item++;
    Known known;
    if (train.has(row)) {
      if (first < 0 || !timed || at != second) {
        count_to(row);
        first = row;
        second = at;
      }
      known = {users_[static_cast<std::size_t>(user)], items_[static_cast<std::size_t>(of)], first};
    }
    before_.push_back(known);
    ++row;
  }
  count_to(rows_);
}

Statistics::Known Statistics::before(Row training_row) const {
  return before_[static_cast<std::size_t>(training_row)];
}

Statistics::Known Statistics::all(std::int32_t user, std::int32_t item) const {
  return {user < 0 ? Tally{} : users_[static_cast<std::size_t>(user)],
          items_[static_cast<std::size_t>(item)], rows_};
}

std::string user_phrase(const Tally& tally, bool rating) {
  if (tally.count == 0) return "new user";
  const std::string seen = rounded_count(tally.count) + " seen";
  return rating ? "rates " + rounded_mean(tally) + " over " + seen
                : "likes " + rounded_share(tally) + " of " + seen;
}

std::string item_phrase(const Tally& tally, bool rating) {
  if (tally.count == 0) return "no viewers";
  const std::string viewers = "viewers " + rounded_count(tally.count);
  return viewers +
         (rating ? ", rated " + rounded_mean(tally) : ", liked by " + rounded_share(tally));
}

}  // namespace tutti
