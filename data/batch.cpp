#include "tutti/data/batch.hpp"

namespace tutti {

void Batch::append(const Tokens& example) {
  const Encoding& encoding = example.encoding;
  ids.insert(ids.end(), encoding.ids.begin(), encoding.ids.end());
  types.insert(types.end(), encoding.types.begin(), encoding.types.end());
  offsets.push_back(static_cast<std::int32_t>(ids.size()));
  rows.push_back(example.row);
  users.push_back(example.user);
  labels.push_back(example.label);
  splits.push_back(example.split);
}

}  // namespace tutti
