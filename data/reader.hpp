#pragma once

#include "tutti/data/data_options.hpp"
#include "tutti/data/files.hpp"
#include "tutti/data/registry.hpp"
#include "tutti/data/tables.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tutti {

/// What a reader found: interactions in source order, and what it left out or repaired on the way.
struct Source {
  Interactions interactions;
  Path file;              ///< the interaction file: where Interactions::line counts
  std::int64_t read = 0;  ///< rows of that file; interactions and dropped add up to it
  std::vector<std::pair<std::string, std::int64_t>> dropped;   ///< reason, rows
  std::vector<std::pair<std::string, std::int64_t>> repaired;  ///< reason, rows
};

/// Reads one kind of source.
///
/// read() throws Error(Io) for a missing file and Error(Data) naming file and line for a missing
/// column, a ragged row, a rating that is not a number, broken UTF-8 (as options.cleaning.bad_utf8
/// says) and a source without interactions.
class Reader {
 public:
  static constexpr const char* kKind = "source";
  virtual ~Reader() = default;
  [[nodiscard]] virtual Source read() const = 0;
};

using ReaderRegistry = Registry<Reader, const DataOptions&>;

}  // namespace tutti
