#pragma once

#include "tutti/data/error.hpp"
#include "tutti/train/head.hpp"

#include <string>

namespace tutti {

/// What a head that gives ratings needs of its options. Throws Error(Config) with both bounds.
inline void check_rating_range(const HeadOptions& options) {
  if (options.rating_min < options.rating_max) return;
  throw Error(Code::Config, "head: rating_min " + std::to_string(options.rating_min) +
                                " is not below rating_max " + std::to_string(options.rating_max));
}

}  // namespace tutti
