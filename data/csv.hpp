#pragma once

#include "tutti/data/files.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tutti {

struct CsvFormat {
  char separator = ',';
  bool quotes = true;   ///< RFC 4180 quoting: "a, ""b""", newlines inside quotes
  bool latin1 = false;  ///< the file is ISO 8859-1: fields are given as UTF-8
};

/// Reads delimited text record by record: RFC 4180, LF or CRLF, an optional byte-order mark, empty
/// lines left out. Read a block at a time: in memory are a record and two blocks of 1 MiB. Fields
/// are bytes as they stand: UTF-8 is not checked.
class CsvFile {
 public:
  /// Throws Error(Io) for a file that cannot be read.
  explicit CsvFile(Path file, const CsvFormat& format = {});

  /// The next record, or false at the end. Throws Error(Data) naming file and line for a quote that
  /// is never closed or is followed by more text.
  bool next(std::vector<std::string>& fields);

  /// Line, from 1, on which the last record started.
  [[nodiscard]] std::int64_t line() const noexcept { return line_; }
  [[nodiscard]] const Path& file() const noexcept { return file_; }
  /// "FILE:LINE" of the last record.
  [[nodiscard]] std::string where() const;

 private:
  std::string quoted_field();
  bool at_separator();
  bool within(std::size_t ahead = 0);

  Path file_;
  CsvFormat format_;
  InputFile in_;
  bool ended_ = false;  // in_ has no more
  std::string bytes_;   // from the start of the record on
  std::size_t position_ = 0;
  std::int64_t line_ = 0;
  std::int64_t next_line_ = 1;
};

/// Throws Error(Data) naming `where` ("FILE:LINE") and the column for a name that is broken UTF-8
/// or comes twice.
void check_header(const std::vector<std::string>& names, const std::string& where);

/// Position of the column, or throws Error(Data) naming the file, line 1, and the nearest column.
std::size_t find_column(const std::vector<std::string>& header, const std::string& name,
                        const Path& file);

/// The number that the whole field is (spaces around it allowed), finite; else throws Error(Data):
/// "FILE:LINE: WHAT 'abc' is not a number".
double parse_number(const std::string& field, const std::string& what, const std::string& where);

/// A field for a CSV file: quoted when it has to be.
std::string csv_quote(const std::string& field, char separator = ',');

}  // namespace tutti
