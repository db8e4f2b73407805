#include "tutti/data/cache.hpp"

#include <cstdlib>

namespace tutti {

Path cache_folder() {
  if (const char* set = std::getenv("TUTTI_CACHE"); set != nullptr && *set != '\0') return set;
  const char* home = std::getenv("HOME");
  return Path(home != nullptr ? home : ".") / ".cache" / "tutti";
}

}  // namespace tutti
