#pragma once

#include "tutti/data/column.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tutti {

/// A position in the interactions of a store. Rows are in store order: by time, then by position in
/// the source.
using Row = std::int64_t;

/// Attributes of users or of items: text columns of one length, in source order. Multi-valued
/// columns (genres, tags) hold their values joined by single spaces or as written in the source.
struct Table {
  std::vector<std::string> names;                 ///< column names
  std::vector<std::vector<std::string>> columns;  ///< [column][entity]

  /// The column of that name, or nullptr.
  [[nodiscard]] const std::vector<std::string>* find(const std::string& name) const;
};

/// What a reader gives: who did what with which item, when; as columns of one length,
/// on disk where they are long. In memory is what grows with users and items alone.
struct Interactions {
  Column<std::int32_t> user;  ///< index into user_ids
  Column<std::int32_t> item;  ///< index into item_ids
  Column<double> rating;      ///< as in the source; NaN where the source has none
  Column<std::int64_t> time;  ///< seconds since 1970, 0 where the source has none
  Column<std::int64_t> line;  ///< line in the source file, from 1: for error messages

  std::vector<std::string> user_ids;  ///< [user] the source's own id
  std::vector<std::string> item_ids;  ///< [item]
  Table users;                        ///< row u describes user u; empty text where unknown
  Table items;                        ///< row i describes item i

  [[nodiscard]] Row size() const noexcept { return static_cast<Row>(user.size()); }
  /// Has any row a time? For rows in store order.
  [[nodiscard]] bool has_times() const {
    return !time.empty() && (time.front() != 0 || time.back() != 0);
  }
};

}  // namespace tutti
