#include "tutti/data/augmentation.hpp"

#include <algorithm>
#include <span>

namespace tutti {

bool crop_history(std::vector<Row>& history, double probability, Random& random) {
  // Drawn even for an empty history, so that later draws do not depend on it.
  const bool crop = random.uniform() < probability;
  if (crop && !history.empty()) history.resize(1 + random.below(history.size()));
  return crop;
}

bool shuffle_history(std::vector<Row>& history, double probability, Random& random) {
  const bool shuffle = random.uniform() < probability;
  if (shuffle) random.shuffle(std::span(history));
  return shuffle;
}

std::vector<char> keep_fields(std::size_t fields, double probability, Random& random) {
  std::vector<char> keep(fields, 1);
  for (char& one : keep) one = random.uniform() < probability ? 0 : 1;
  if (!keep.empty() && std::find(keep.begin(), keep.end(), 1) == keep.end()) keep.front() = 1;
  return keep;
}

}  // namespace tutti
