#pragma once

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
inline constexpr std::uint32_t kDropCounter = 0x9e3779b9U;
inline constexpr std::uint32_t kDropFirst = 0x7feb352dU;
inline constexpr std::uint32_t kDropSecond = 0x846ca68bU;

}  // namespace tutti::kernels
