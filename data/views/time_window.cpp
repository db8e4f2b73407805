#include "tutti/data/error.hpp"
#include "tutti/data/views/view.hpp"

#include <string>
#include <utility>

namespace tutti {

ViewPtr time_window_view(ViewPtr base, const Store& store, std::int64_t from, std::int64_t to) {
  if (from != 0 && to != 0 && from >= to) {
    throw Error(
        Code::Config,
        "data.from_time is " + std::to_string(from) + " and to_time is " + std::to_string(to),
        "the first has to be smaller");
  }
  const Column<std::int64_t>& time = store.interactions().time;
  auto picks = positions_where(*base, [&](Row row) {
    const std::int64_t at = time[static_cast<std::size_t>(row)];
    return (from == 0 || at >= from) && (to == 0 || at < to);
  });
  return select(std::move(base), std::move(picks));
}

}  // namespace tutti
