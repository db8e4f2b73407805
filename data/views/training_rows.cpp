#include "tutti/data/views/training_rows.hpp"

#include <cstdint>
#include <unordered_set>

namespace tutti {

std::vector<Row> training_rows(const Store& store) {
  const Interactions& all = store.interactions();
  const auto pair_of = [&](Row row) {
    const auto at = static_cast<std::size_t>(row);
    return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(all.user[at])) << 32) |
           static_cast<std::uint32_t>(all.item[at]);
  };
  std::unordered_set<std::uint64_t> held;
  for (const Part part : {Part::Validation, Part::Test}) {
    for (const Row row : store.rows(part)) held.insert(pair_of(row));
  }
  std::vector<Row> rows;
  for (const Row row : store.rows(Part::Train)) {
    if (held.count(pair_of(row)) == 0) rows.push_back(row);
  }
  return rows;
}

}  // namespace tutti
