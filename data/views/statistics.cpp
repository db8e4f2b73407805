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

Statistics::Statistics(const Store& store, std::span<const Row> train)
    : rows_(store.interactions()),
      before_(static_cast<std::size_t>(rows_.size())),
      users_(rows_.user_ids.size()),
      items_(rows_.item_ids.size()) {
  const bool timed = rows_.has_times();
  for (std::size_t first = 0; first < train.size();) {
    std::size_t end = first + 1;
    while (timed && end < train.size() &&
           rows_.time[static_cast<std::size_t>(train[end])] ==
               rows_.time[static_cast<std::size_t>(train[first])]) {
      ++end;
    }
    for (std::size_t i = first; i < end; ++i) {
      const auto row = static_cast<std::size_t>(train[i]);
      before_[row] = {users_[static_cast<std::size_t>(rows_.user[row])],
                      items_[static_cast<std::size_t>(rows_.item[row])], train[first]};
    }
    for (; first < end; ++first) {
      const auto row = static_cast<std::size_t>(train[first]);
      add(users_[static_cast<std::size_t>(rows_.user[row])], store.labels()[row]);
      add(items_[static_cast<std::size_t>(rows_.item[row])], store.labels()[row]);
    }
  }
}

Statistics::Known Statistics::before(Row training_row) const {
  return before_[static_cast<std::size_t>(training_row)];
}

Statistics::Known Statistics::all(std::int32_t user, std::int32_t item) const {
  return {user < 0 ? Tally{} : users_[static_cast<std::size_t>(user)],
          items_[static_cast<std::size_t>(item)], rows_.size()};
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
