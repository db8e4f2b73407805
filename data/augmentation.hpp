#pragma once

#include "tutti/data/random.hpp"
#include "tutti/data/tables.hpp"

#include <cstddef>
#include <vector>

namespace tutti {

/// With `probability`, keeps only the latest part of a history (latest first), its length drawn
/// from 1 .. size. Returns whether it did.
bool crop_history(std::vector<Row>& history, double probability, Random& random);

/// With `probability`, shuffles a history. Returns whether it did.
bool shuffle_history(std::vector<Row>& history, double probability, Random& random);

/// Which of `fields` stay: each is dropped with `probability`, but the first stays where all would
/// go.
std::vector<char> keep_fields(std::size_t fields, double probability, Random& random);

}  // namespace tutti
