#include "tutti/data/row_set.hpp"

#include <algorithm>

namespace tutti {

Row RowSet::operator[](std::size_t n) const noexcept {
  const auto wanted = static_cast<Row>(n);
  const auto span = std::upper_bound(before_.begin(), before_.end(), wanted) - before_.begin() - 1;
  Row left = wanted - before_[static_cast<std::size_t>(span)];
  auto word = static_cast<std::size_t>(span) * (kSpan / 64);
  for (Row count = 0; left >= (count = std::popcount(words_[word])); ++word) left -= count;
  std::uint64_t bits = words_[word];
  for (; left > 0; --left) bits &= bits - 1;  // drops the lowest member
  return static_cast<Row>(word) * 64 + std::countr_zero(bits);
}

}  // namespace tutti
