#include "tutti/data/csv.hpp"

#include "tutti/data/error.hpp"
#include "tutti/data/utf8.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <span>
#include <utility>

namespace tutti {

namespace {
constexpr std::size_t kBlock = 1 << 20;  // bytes
}

CsvFile::CsvFile(Path file, const CsvFormat& format)
    : file_(std::move(file)), format_(format), in_(file_) {
  if (within(2) && bytes_.compare(0, 3, "\xEF\xBB\xBF") == 0) position_ = 3;
}

std::string CsvFile::where() const { return file_.string() + ":" + std::to_string(line_); }

// Is there a byte so far ahead? Reads on where it is not in memory yet.
bool CsvFile::within(std::size_t ahead) {
  while (!ended_ && position_ + ahead >= bytes_.size()) {
    const std::size_t old = bytes_.size();
    bytes_.resize(old + kBlock);
    bytes_.resize(old + in_.read(std::span(bytes_).subspan(old)));
    ended_ = bytes_.size() == old;
  }
  return position_ + ahead < bytes_.size();
}

// At the end of a field: separator, end of line or end of file?
bool CsvFile::at_separator() {
  if (!within()) return true;
  const char c = bytes_[position_];
  return c == format_.separator || c == '\n' ||
         (c == '\r' && within(1) && bytes_[position_ + 1] == '\n');
}

std::string CsvFile::quoted_field() {
  const std::int64_t opened = next_line_;
  std::string field;
  for (++position_; within(); ++position_) {
    const char c = bytes_[position_];
    if (c == '"') {
      if (within(1) && bytes_[position_ + 1] == '"') {
        ++position_;
      } else {
        ++position_;
        if (at_separator()) return field;
        throw Error(
            Code::Data,
            file_.string() + ":" + std::to_string(next_line_) + ": text after a closing quote",
            "double a quote that is part of a field");
      }
    }
    if (c == '\n') ++next_line_;
    field.push_back(c);
  }
  throw Error(Code::Data,
              file_.string() + ":" + std::to_string(opened) + ": a quote is opened and not closed",
              "double a quote that is part of a field");
}

bool CsvFile::next(std::vector<std::string>& fields) {
  fields.clear();
  if (position_ >= kBlock) {
    bytes_.erase(0, position_);
    position_ = 0;
  }
  while (within() && (bytes_[position_] == '\n' ||
                      (bytes_[position_] == '\r' && within(1) && bytes_[position_ + 1] == '\n'))) {
    position_ += bytes_[position_] == '\n' ? 1 : 2;
    ++next_line_;
  }
  if (!within()) return false;
  line_ = next_line_;
  for (;;) {
    if (format_.quotes && within() && bytes_[position_] == '"') {
      fields.push_back(quoted_field());
    } else {
      const std::size_t start = position_;
      while (!at_separator()) ++position_;
      fields.emplace_back(bytes_, start, position_ - start);
    }
    if (format_.latin1) fields.back() = latin1_to_utf8(fields.back());
    if (!within()) return true;
    if (bytes_[position_] != format_.separator) break;
    ++position_;
  }
  position_ += bytes_[position_] == '\n' ? 1 : 2;
  ++next_line_;
  return true;
}

void check_header(const std::vector<std::string>& names, const std::string& where) {
  for (auto name = names.begin(); name != names.end(); ++name) {
    if (find_bad_utf8(*name) != std::string::npos) {
      throw Error(Code::Data,
                  where + ": broken UTF-8 in the column name '" + repair_utf8(*name) + "'",
                  "save the file as UTF-8");
    }
    if (std::find(names.begin(), name, *name) != name) {
      throw Error(Code::Data, where + ": two columns '" + *name + "'", "give each its own name");
    }
  }
}

std::size_t find_column(const std::vector<std::string>& header, const std::string& name,
                        const Path& file) {
  const auto found = std::find(header.begin(), header.end(), name);
  if (found != header.end()) return static_cast<std::size_t>(found - header.begin());
  const std::string near = nearest_name(name, header);
  std::string known;
  for (const std::string& column : header) known += (known.empty() ? "" : ", ") + column;
  throw Error(Code::Data, file.string() + ":1: no column '" + name + "'",
              near.empty() ? "the columns are: " + known : "did you mean '" + near + "'?");
}

double parse_number(const std::string& field, const std::string& what, const std::string& where) {
  std::size_t first = field.find_first_not_of(' ');
  std::size_t last = field.find_last_not_of(' ');
  double value = 0.0;
  bool good = first != std::string::npos;
  if (good) {
    if (field[first] == '+') ++first;
    const char* end = field.data() + last + 1;
    const auto [stop, error] = std::from_chars(field.data() + first, end, value);
    good = error == std::errc() && stop == end && std::isfinite(value);
  }
  if (!good) {
    throw Error(Code::Data, where + ": " + what + " '" + field + "' is not a number",
                "a finite decimal number is expected");
  }
  return value;
}

std::string csv_quote(const std::string& field, char separator) {
  if (field.find_first_of(std::string("\"\r\n") + separator) == std::string::npos) return field;
  std::string out = "\"";
  for (const char c : field) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  return out + "\"";
}

}  // namespace tutti
