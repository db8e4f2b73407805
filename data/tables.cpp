#include "tutti/data/tables.hpp"

namespace tutti {

const std::vector<std::string>* Table::find(const std::string& name) const {
  for (std::size_t c = 0; c < names.size(); ++c) {
    if (names[c] == name) return &columns[c];
  }
  return nullptr;
}

}  // namespace tutti
