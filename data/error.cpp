#include "tutti/data/error.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace tutti {

namespace {

// Foreign messages (LibTorch, MPI, toml++) may span lines; an error of ours is one line.
std::string one_line(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool space = c == '\n' || c == '\r' || c == '\t';
    if (!space) {
      out.push_back(c);
    } else if (!out.empty() && out.back() != ' ') {
      out.push_back(' ');
    }
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

}  // namespace

Error::Error(Code code, const std::string& what, const std::string& hint)
    : code_(code), text_(one_line(hint.empty() ? what : what + "; " + hint)) {}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitute = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
    }
  }
  return row[b.size()];
}

namespace detail {

void assertion_failed(const char* condition, const char* file, int line, const std::string& text) {
  std::fprintf(stderr, "tutti: bug: %s (%s) at %s:%d; please report it\n", text.c_str(), condition,
               file, line);
  std::abort();
}

}  // namespace detail
}  // namespace tutti
