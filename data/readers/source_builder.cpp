#include "tutti/data/readers/source_builder.hpp"

#include "tutti/data/error.hpp"
#include "tutti/data/utf8.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <utility>

namespace tutti {

SourceBuilder::SourceBuilder(const CleaningOptions& cleaning) : bad_utf8_(cleaning.bad_utf8) {
  if (bad_utf8_ != "error" && bad_utf8_ != "drop" && bad_utf8_ != "repair") {
    throw Error(Code::Config, "data.cleaning.bad_utf8 is '" + bad_utf8_ + "'",
                "known: error, drop, repair");
  }
}

bool SourceBuilder::next(CsvFile& file, std::size_t expected, std::vector<std::string>& fields,
                         const char* kind) {
  const bool interactions = kind == nullptr;
  while (file.next(fields)) {
    source_.read += interactions ? 1 : 0;
    bool bad = false;
    for (std::string& field : fields) {
      const std::size_t position = find_bad_utf8(field);
      if (position == std::string::npos) continue;
      bad = true;
      if (bad_utf8_ == "error") {
        throw Error(Code::Data,
                    file.where() + ": broken UTF-8 at byte " + std::to_string(position + 1) +
                        " of '" + repair_utf8(field) + "'",
                    "set data.cleaning.bad_utf8 to \"repair\" or \"drop\"");
      }
      field = repair_utf8(field);
    }
    if (bad && bad_utf8_ == "drop") {
      // A table's row is no interaction: read = kept + dropped has to hold.
      if (interactions) count(source_.dropped, "broken UTF-8");
      if (!interactions) {
        count(source_.repaired, std::string("broken UTF-8: left out of ") + kind);
      }
      continue;
    }
    if (bad) {
      count(source_.repaired,
            interactions ? "broken UTF-8" : std::string("broken UTF-8 in ") + kind);
    }
    if (fields.size() != expected) {
      throw Error(Code::Data,
                  file.where() + ": " + std::to_string(fields.size()) + " fields, " +
                      std::to_string(expected) + " expected",
                  "check the separator and the quotes of this line");
    }
    return true;
  }
  return false;
}

bool SourceBuilder::next_interaction(CsvFile& file, std::size_t expected,
                                     std::vector<std::string>& fields) {
  return next(file, expected, fields, nullptr);
}

std::int32_t SourceBuilder::id(Ids& ids, std::vector<std::string>& names, const std::string& text,
                               const std::string& where, const char* what) {
  if (text.empty()) {
    throw Error(Code::Data, where + ": the " + what + " is empty", "every row needs one");
  }
  TUTTI_ASSERT(names.size() < static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()),
               "too many ids");
  const auto [place, fresh] = ids.index.emplace(text, static_cast<std::int32_t>(names.size()));
  if (fresh) {
    names.push_back(text);
    ids.described.push_back(false);
  }
  return place->second;
}

void SourceBuilder::add(const std::string& user, const std::string& item, const std::string* rating,
                        const std::string* time, const CsvFile& at) {
  Interactions& rows = source_.interactions;
  const std::string where = at.where();
  rows.user.push_back(id(users_, rows.user_ids, user, where, "user"));
  rows.item.push_back(id(items_, rows.item_ids, item, where, "item"));
  rows.rating.push_back(rating != nullptr ? parse_number(*rating, "rating", where)
                                          : std::numeric_limits<double>::quiet_NaN());
  double seconds = time != nullptr ? parse_number(*time, "time", where) : 0.0;
  if (std::abs(seconds) > 1e15) {
    throw Error(Code::Data, where + ": time '" + *time + "' is out of range",
                "seconds since 1970 are expected");
  }
  rows.time.push_back(static_cast<std::int64_t>(std::floor(seconds)));
  rows.line.push_back(at.line());
}

void SourceBuilder::describe(Ids& ids, std::vector<std::string>& names, Table& table,
                             const std::string& text, const std::vector<std::string>& values,
                             const CsvFile& at, const char* what) {
  TUTTI_ASSERT(values.size() == table.names.size(), "attributes do not fit their columns");
  const auto entity = static_cast<std::size_t>(id(ids, names, text, at.where(), what));
  if (ids.described[entity]) {
    count(source_.repaired, std::string(what) + " described twice: the last one stays");
  }
  ids.described[entity] = true;
  for (std::size_t c = 0; c < values.size(); ++c) {
    if (table.columns[c].size() <= entity) table.columns[c].resize(names.size());
    table.columns[c][entity] = values[c];
  }
}

void SourceBuilder::describe_item(const std::string& id, const std::vector<std::string>& values,
                                  const CsvFile& at) {
  Interactions& rows = source_.interactions;
  describe(items_, rows.item_ids, rows.items, id, values, at, "item");
}

void SourceBuilder::describe_user(const std::string& id, const std::vector<std::string>& values,
                                  const CsvFile& at) {
  Interactions& rows = source_.interactions;
  describe(users_, rows.user_ids, rows.users, id, values, at, "user");
}

void SourceBuilder::item_columns(const std::vector<std::string>& names) {
  source_.interactions.items.names = names;
  source_.interactions.items.columns.resize(names.size());
}

void SourceBuilder::user_columns(const std::vector<std::string>& names) {
  source_.interactions.users.names = names;
  source_.interactions.users.columns.resize(names.size());
}

Source SourceBuilder::finish(const Path& file) {
  Interactions& rows = source_.interactions;
  if (rows.size() == 0) {
    throw Error(
        Code::Data, "no interactions in " + file.string(),
        std::to_string(source_.read) + " rows were read; check that this is the right file");
  }
  for (auto& column : rows.users.columns) column.resize(rows.user_ids.size());
  for (auto& column : rows.items.columns) column.resize(rows.item_ids.size());
  source_.file = file;
  return std::move(source_);
}

void count(std::vector<std::pair<std::string, std::int64_t>>& counts, const std::string& reason,
           std::int64_t rows) {
  if (rows == 0) return;
  const auto found = std::find_if(counts.begin(), counts.end(),
                                  [&](const auto& entry) { return entry.first == reason; });
  if (found != counts.end()) {
    found->second += rows;
  } else {
    counts.emplace_back(reason, rows);
  }
}

std::pair<std::string, std::string> split_year(const std::string& title) {
  std::size_t end = title.find_last_not_of(' ');
  if (end == std::string::npos || end < 5 || title[end] != ')' || title[end - 5] != '(') {
    return {title, ""};
  }
  const std::string year = title.substr(end - 4, 4);
  if (!std::all_of(year.begin(), year.end(),
                   [](unsigned char c) { return std::isdigit(c) != 0; })) {
    return {title, ""};
  }
  const std::size_t last = title.find_last_not_of(' ', end - 6);
  if (end == 5 || last == std::string::npos) return {title, ""};  // a year alone is a title
  return {title.substr(0, last + 1), year};
}

}  // namespace tutti
