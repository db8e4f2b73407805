#include "tutti/data/augmentation.hpp"

#include <algorithm>

namespace tutti {

std::vector<char> keep_fields(std::size_t fields, double probability, Random& random) {
  std::vector<char> keep(fields, 1);
  for (char& one : keep) one = random.uniform() < probability ? 0 : 1;
  if (!keep.empty() && std::find(keep.begin(), keep.end(), 1) == keep.end()) keep.front() = 1;
  return keep;
}

}  // namespace tutti
