#include "tutti/data/error.hpp"
#include "tutti/data/views/view.hpp"

#include <cmath>
#include <string>
#include <utility>

namespace tutti {

ViewPtr last_view(ViewPtr base, double last) {
  if (!(last > 0 && last <= 1)) {
    throw Error(Code::Config, "data.last is " + std::to_string(last),
                "it is above 0 and at most 1");
  }
  const auto take = static_cast<Row>(std::llround(last * static_cast<double>(base->size())));
  RowSet picks;
  for (Row i = 0; i < base->size(); ++i) picks.append(i >= base->size() - take);  // by time
  return select(std::move(base), std::move(picks));
}

}  // namespace tutti
