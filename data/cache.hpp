#pragma once

#include "tutti/data/files.hpp"

namespace tutti {

/// The folder that scripts/setup fills with models and data: $TUTTI_CACHE, without that variable
/// $HOME/.cache/tutti.
Path cache_folder();

}  // namespace tutti
