#pragma once

#include "tutti/data/csv.hpp"
#include "tutti/data/reader.hpp"

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace tutti {

/// Collects what a reader finds: gives ids their index by first appearance, applies the UTF-8 rule,
/// counts. Shared by all readers, so that they refuse the same things in the same words.
class SourceBuilder {
 public:
  explicit SourceBuilder(const CleaningOptions& cleaning);

  /// The next record of a file with `expected` fields. Drops or repairs broken UTF-8 as told.
  /// Throws Error(Data): "FILE:LINE: 3 fields, 4 expected".
  bool next(CsvFile& file, std::size_t expected, std::vector<std::string>& fields,
            const char* kind);
  bool next_interaction(CsvFile& file, std::size_t expected, std::vector<std::string>& fields);

  /// `rating` and `time` may be null where the source has none.
  void add(const std::string& user, const std::string& item, const std::string* rating,
           const std::string* time, const CsvFile& at);

  /// Describes an entity; a second description of one id replaces the first and is counted.
  void describe_item(const std::string& id, const std::vector<std::string>& values,
                     const CsvFile& at);
  void describe_user(const std::string& id, const std::vector<std::string>& values,
                     const CsvFile& at);

  /// Names of the attributes, before the first describe.
  void item_columns(const std::vector<std::string>& names);
  void user_columns(const std::vector<std::string>& names);

  /// Throws Error(Data) when no interaction was found in `file`.
  Source finish(const Path& file);

 private:
  struct Ids {
    std::unordered_map<std::string, std::int32_t> index;
    std::vector<bool> described;
  };
  std::int32_t id(Ids& ids, std::vector<std::string>& names, const std::string& text,
                  const std::string& where, const char* what);
  void describe(Ids& ids, std::vector<std::string>& names, Table& table, const std::string& text,
                const std::vector<std::string>& values, const CsvFile& at, const char* what);

  std::string bad_utf8_;
  Source source_;
  Ids users_;
  Ids items_;
};

/// Adds `rows` to the count of `reason`.
void count(std::vector<std::pair<std::string, std::int64_t>>& counts, const std::string& reason,
           std::int64_t rows = 1);

/// "Fargo (1996)" -> "Fargo" and "1996"; a title without a year gives an empty year.
std::pair<std::string, std::string> split_year(const std::string& title);

/// Reads a folder of RecBole atomic files.
Source read_atomic(const Path& inter, const DataOptions& options);

}  // namespace tutti
