#pragma once

#include "tutti/data/random.hpp"

#include <cmath>
#include <cstdint>

namespace tutti::kernels {

/// Elements in a vector of the kernels, at every width of register.
inline constexpr std::int64_t kLanes = 16;

/// What dropout draws from: a 32-bit mix of a counter under a 64-bit key, two rounds of multiply
/// and xor-shift (the constants of C. Wellons' "lowbias32"), the second half of the key between
/// them. 32-bit arithmetic, because that is what a vector unit multiplies fast; the same bits at
/// every width.
struct DropKey {
  std::uint32_t low = 0, high = 0;
  std::uint32_t threshold = 0;  ///< a word below it drops the element
  float scale = 1;              ///< of one that is kept
};
/// That of dropout with probability `p` under a 64-bit key.
inline DropKey make_drop_key(std::uint64_t key, double p) {
  return {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32U),
          static_cast<std::uint32_t>(std::lround(p * 0x1.0p32)),
          static_cast<float>(1.0 / (1.0 - p))};
}

/// The 64-bit key of one row of features: of an example's own key, the site of the dropout in the
/// model, and the row's position in the example. Attention puts the head above the query in it.
inline std::uint64_t drop_row_key(std::uint64_t example, int site, std::uint64_t position) {
  const std::uint64_t place = (static_cast<std::uint64_t>(site) << 48U) + position + 1;
  return mix64(example + mix64(place));
}
inline std::uint64_t drop_position(std::int64_t head, std::int64_t query) {
  return (static_cast<std::uint64_t>(head) << 32U) + static_cast<std::uint64_t>(query);
}

inline constexpr std::uint32_t kDropCounter = 0x9e3779b9U;
inline constexpr std::uint32_t kDropFirst = 0x7feb352dU;
inline constexpr std::uint32_t kDropSecond = 0x846ca68bU;

}  // namespace tutti::kernels
