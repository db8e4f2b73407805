#include "tutti/data/views/store_index.hpp"

#include "tutti/data/sorter.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tutti {

namespace {

struct UserPast {
  Past past;
  std::int32_t user;
};

struct ByUser {
  bool operator()(const UserPast& a, const UserPast& b) const {
    return a.user != b.user ? a.user < b.user : a.past.row < b.past.row;
  }
};

std::uint64_t pair_of(std::int32_t user, std::int32_t item) {
  return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(user)) << 32) |
         static_cast<std::uint32_t>(item);
}

// Of all validation and test rows. Each of them is scored by every member: they are few enough.
std::vector<std::uint64_t> held_pairs(const Store& store) {
  const Interactions& all = store.interactions();
  std::vector<std::uint64_t> held;
  for (const Part part : {Part::Validation, Part::Test}) {
    for (const Row row : store.rows(part)) {
      const auto at = static_cast<std::size_t>(row);
      held.push_back(pair_of(all.user[at], all.item[at]));
    }
  }
  std::sort(held.begin(), held.end());
  return held;
}

}  // namespace

StoreIndex::StoreIndex(const Store& store)
    : rows_(store.interactions()),
      labels_(store.labels()),
      timed_(store.interactions().has_times()),
      user_begin_(store.interactions().user_ids.size() + 1, 0),
      rating_min_(std::numeric_limits<double>::infinity()),
      rating_max_(-std::numeric_limits<double>::infinity()) {
  const Interactions& all = rows_;
  const std::vector<std::uint64_t> held = held_pairs(store);
  Sorter<UserPast, ByUser> sorter;
  auto item = all.item.begin();
  auto rating = all.rating.begin();
  auto time = all.time.begin();
  auto part = store.parts().begin();
  Row row = 0;
  for (const std::int32_t user : all.user) {
    const Past past{row++, *time++, *rating++, *item++};
    const bool seen = *part++ == Part::Train &&
                      !std::binary_search(held.begin(), held.end(), pair_of(user, past.item));
    training_.append(seen);
    if (!seen) continue;
    ++user_begin_[static_cast<std::size_t>(user) + 1];
    rating_min_ = std::fmin(rating_min_, past.rating);  // fmin, fmax: NaN does not count
    rating_max_ = std::fmax(rating_max_, past.rating);
    sorter.add({past, user});
  }
  for (std::size_t u = 1; u < user_begin_.size(); ++u) user_begin_[u] += user_begin_[u - 1];
  sorter.drain([&](const UserPast& one) { pasts_.push_back(one.past); });
}

std::vector<Past> StoreIndex::history(std::int32_t user, std::size_t most,
                                      const Past* before) const {
  const std::size_t begin = user_begin_[static_cast<std::size_t>(user)];
  std::size_t end = user_begin_[static_cast<std::size_t>(user) + 1];
  if (before != nullptr) {
    // Rows of one second do not see each other: their order may follow their ratings.
    std::size_t low = begin;
    while (low < end) {
      const std::size_t middle = low + (end - low) / 2;
      const Past past = pasts_[middle];
      if (timed_ ? past.time < before->time : past.row < before->row) {
        low = middle + 1;
      } else {
        end = middle;
      }
    }
  }
  std::vector<Past> out(std::min(most, end - begin));
  pasts_.read(end - out.size(), out);
  return out;
}

Row StoreIndex::first_of_piece(std::int32_t user, Row row, std::size_t most) const {
  const std::size_t begin = user_begin_[static_cast<std::size_t>(user)];
  std::size_t low = begin;
  for (std::size_t end = user_begin_[static_cast<std::size_t>(user) + 1]; low < end;) {
    const std::size_t middle = low + (end - low) / 2;
    if (pasts_[middle].row < row) {
      low = middle + 1;
    } else {
      end = middle;
    }
  }
  const std::size_t place = low - begin;
  std::size_t first = 1;  // a power of two
  while (2 * first <= std::min(place, most)) first *= 2;
  if (place >= most) first = place - place % most;
  return pasts_[begin + (place == 0 ? 0 : first)].row;
}

const Statistics& StoreIndex::statistics() const {
  std::call_once(counted_,
                 [&] { statistics_ = std::make_unique<Statistics>(rows_, labels_, training_); });
  return *statistics_;
}

}  // namespace tutti
