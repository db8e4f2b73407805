#include "tutti/data/random.hpp"
#include "tutti/data/sorter.hpp"
#include "tutti/data/views/view.hpp"

#include <cstdint>
#include <utility>

namespace tutti {

namespace {

struct Draw {
  Row position;
  std::uint64_t order;
};

struct ByPosition {
  bool operator()(const Draw& a, const Draw& b) const {
    return a.position != b.position ? a.position < b.position : a.order < b.order;
  }
};

}  // namespace

ViewPtr bootstrap_view(ViewPtr base, std::uint64_t seed, const std::string& member) {
  Random random(seed, "bootstrap " + member);
  const auto size = static_cast<std::uint64_t>(base->size());
  Sorter<Draw, ByPosition> sorter;
  for (std::uint64_t i = 0; i < size; ++i) sorter.add({static_cast<Row>(random.below(size)), i});
  Column<Row> picks;
  sorter.drain([&](const Draw& draw) { picks.push_back(draw.position); });
  return select(std::move(base), std::move(picks));
}

}  // namespace tutti
