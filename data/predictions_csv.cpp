#include "tutti/data/csv.hpp"
#include "tutti/data/error.hpp"
#include "tutti/data/predictions.hpp"
#include "tutti/data/utf8.hpp"

#include <algorithm>
#include <optional>
#include <unordered_map>

namespace tutti {

namespace {

class Ids {
 public:
  std::int32_t of(const std::string& text) {
    return ids_.emplace(text, static_cast<std::int32_t>(ids_.size())).first->second;
  }

 private:
  std::unordered_map<std::string, std::int32_t> ids_;
};

struct Columns {
  std::size_t user = 0;
  std::size_t item = 0;
  std::size_t label = 0;
  std::optional<std::size_t> split;
  std::vector<std::size_t> members;

  Columns(const std::vector<std::string>& header, const Path& file)
      : user(find_column(header, "user", file)),
        item(find_column(header, "item", file)),
        label(find_column(header, "label", file)) {
    for (std::size_t c = 0; c < header.size(); ++c) {
      if (std::find(header.begin(), header.begin() + static_cast<std::ptrdiff_t>(c), header[c]) !=
          header.begin() + static_cast<std::ptrdiff_t>(c)) {
        throw Error(Code::Data, file.string() + ":1: two columns '" + header[c] + "'");
      }
      if (header[c] == "split") {
        split = c;
      } else if (c != user && c != item && c != label) {
        members.push_back(c);
      }
    }
    if (members.empty()) {
      throw Error(Code::Data, file.string() + ":1: no member's column",
                  "give a column of scores for each member beside user, item, label and split");
    }
  }
};

// Is the record a test row?
bool in_test(const Columns& columns, const std::vector<std::string>& fields,
             const std::string& where) {
  if (!columns.split) return false;
  const std::string& part = fields[*columns.split];
  if (part != "validation" && part != "test") {
    throw Error(Code::Data, where + ": split '" + part + "'", "validation or test is expected");
  }
  return part == "test";
}

}  // namespace

std::vector<Predictions> read_predictions_csv(const Path& path) {
  CsvFile file(path);
  std::vector<std::string> fields;
  file.next(fields);
  for (const std::string& name : fields) {
    if (find_bad_utf8(name) != std::string::npos) {
      throw Error(Code::Data, path.string() + ":1: broken UTF-8 in '" + repair_utf8(name) + "'");
    }
  }
  const Columns columns(fields, path);
  std::vector<Predictions> out(columns.members.size());
  for (std::size_t m = 0; m < out.size(); ++m) out[m].member = fields[columns.members[m]];
  const std::size_t expected = fields.size();
  Ids users;
  Ids items;
  for (Row row = 0; file.next(fields); ++row) {
    const std::string where = file.where();
    if (fields.size() != expected) {
      throw Error(Code::Data, where + ": " + std::to_string(fields.size()) + " fields, " +
                                  std::to_string(expected) + " expected");
    }
    const bool test = in_test(columns, fields, where);
    const std::int32_t user = users.of(fields[columns.user]);
    const std::int32_t item = items.of(fields[columns.item]);
    const double label = parse_number(fields[columns.label], "label", where);
    for (std::size_t m = 0; m < out.size(); ++m) {
      PredictionSet& set = test ? out[m].test : out[m].validation;
      set.row.push_back(row);
      set.user.push_back(user);
      set.item.push_back(item);
      set.label.push_back(label);
      set.score.push_back(
          parse_number(fields[columns.members[m]], "score of " + out[m].member, where));
    }
  }
  if (out.front().validation.size() + out.front().test.size() == 0) {
    throw Error(Code::Data, "no predictions in " + path.string(), "the file has a header alone");
  }
  return out;
}

}  // namespace tutti
