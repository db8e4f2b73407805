#include "tutti/data/error.hpp"
#include "tutti/data/views/view.hpp"

#include <string>
#include <utility>

namespace tutti {

ViewPtr segment_view(ViewPtr base, const Store& store, const std::string& segment) {
  const std::size_t equals = segment.find('=');
  if (equals == std::string::npos) {
    throw Error(Code::Config, "data.segment is '" + segment + "'", "write COLUMN=VALUE");
  }
  const std::string name = segment.substr(0, equals);
  const std::string value = segment.substr(equals + 1);
  const Interactions& rows = store.interactions();
  const std::vector<std::string>* column = rows.users.find(name);
  if (column == nullptr) {
    const std::string near = nearest_name(name, rows.users.names);
    throw Error(Code::Config, "data.segment: users have no column '" + name + "'",
                near.empty() ? "see the users of the source" : "did you mean '" + near + "'?");
  }
  auto picks = positions_where(*base, [&](Row row) {
    return (*column)[static_cast<std::size_t>(rows.user[static_cast<std::size_t>(row)])] == value;
  });
  return select(std::move(base), std::move(picks));
}

}  // namespace tutti
