#pragma once

#include "tutti/data/store.hpp"

#include <vector>

namespace tutti {

/// What a member may see, as example or in a text, in store order: the training rows without those
/// whose user and item are a validation or test row too. Where repeated interactions are kept,
/// these would give the answer away.
std::vector<Row> training_rows(const Store& store);

}  // namespace tutti
