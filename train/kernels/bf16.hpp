#pragma once

#include <cstdint>

namespace tutti::kernels {

/// bfloat16: the upper half of a float.
struct Bf16 {
  std::uint16_t bits;
};

}  // namespace tutti::kernels
