#pragma once

#include "tutti/data/random.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace tutti {

/// With `probability`, keeps only the latest part of a history (latest first), its length drawn
/// from 1 .. size. Returns whether it did.
template <class T>
bool crop_history(std::vector<T>& history, double probability, Random& random) {
  // Drawn even for an empty history, so that later draws do not depend on it.
  const bool crop = random.uniform() < probability;
  if (crop && !history.empty()) history.resize(1 + random.below(history.size()));
  return crop;
}

/// With `probability`, shuffles a history. Returns whether it did.
template <class T>
bool shuffle_history(std::vector<T>& history, double probability, Random& random) {
  const bool shuffle = random.uniform() < probability;
  if (shuffle) random.shuffle(std::span(history));
  return shuffle;
}

/// Which of `fields` stay: each is dropped with `probability`, but the first stays where all would
/// go.
std::vector<char> keep_fields(std::size_t fields, double probability, Random& random);

}  // namespace tutti
