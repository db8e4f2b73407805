#include "tutti/data/error.hpp"
#include "tutti/data/views/view.hpp"

#include <cmath>
#include <numeric>
#include <string>
#include <utility>

namespace tutti {

ViewPtr last_view(ViewPtr base, double last) {
  if (!(last > 0 && last <= 1)) {
    throw Error(Code::Config, "data.last is " + std::to_string(last),
                "it is above 0 and at most 1");
  }
  const auto take = static_cast<Row>(std::llround(last * static_cast<double>(base->size())));
  std::vector<Row> picks(static_cast<std::size_t>(take));
  std::iota(picks.begin(), picks.end(), base->size() - take);  // store order is by time
  return select(std::move(base), std::move(picks));
}

}  // namespace tutti
