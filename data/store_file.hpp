#pragma once

#include "tutti/data/files.hpp"
#include "tutti/data/store.hpp"

#include <string>

namespace tutti {

/// All that dataset.h5 holds. Internal to the store.
///
/// Datasets /interactions/{user,item,rating,time,line,label,part} [row]; text columns
/// /users/ids, /items/ids and /users/columns/NAME, /items/columns/NAME; attributes of the file:
/// format, version, fingerprint, task, cleaning (JSON), source (JSON), split (JSON), user_columns
/// and item_columns (JSON lists: the order and true names of the columns).
struct StoreContent {
  std::string task;
  std::string source;    ///< JSON
  std::string split;     ///< JSON
  std::string cleaning;  ///< JSON
  Interactions interactions;
  Column<double> labels;
  Column<Part> parts;
};

/// SHA-256 over lines "NAME HEX\n" in the order of the layout above, HEX being the SHA-256 of a
/// dataset's little-endian bytes, with lines "task TASK\n", "user_columns JSON\n" and
/// "item_columns JSON\n" before them. Where the data came from is not in it: equal data, equal
/// fingerprint.
std::string fingerprint_of(const StoreContent& content);

/// `fingerprint` goes into the file as it is.
void write_store(const Path& file, const StoreContent& content, const std::string& fingerprint);
/// Does not look at the fingerprint; gives the one that the file claims.
std::string read_store(const Path& file, StoreContent& content);

}  // namespace tutti
