#include "tutti/data/split.hpp"

#include "tutti/data/error.hpp"
#include "tutti/data/random.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

namespace tutti {

namespace {

void limit(const Interactions& rows, std::int64_t most, Part part, std::uint64_t seed,
           std::vector<Part>& parts) {
  std::vector<std::int64_t> size(rows.user_ids.size(), 0);
  std::int64_t total = 0;
  std::size_t row = 0;
  for (const std::int32_t user : rows.user) {
    if (parts[row++] != part) continue;
    ++size[static_cast<std::size_t>(user)];
    ++total;
  }
  if (most <= 0 || total <= most) return;
  std::vector<std::size_t> users;
  for (std::size_t u = 0; u < size.size(); ++u) {
    if (size[u] > 0) users.push_back(u);
  }
  Random(seed, "split limit", {static_cast<std::uint64_t>(part)}).shuffle(std::span(users));
  std::int64_t taken = 0;
  std::vector<bool> stays(size.size(), false);
  for (const std::size_t u : users) {
    stays[u] = taken + size[u] <= most;
    if (stays[u]) taken += size[u];
  }
  row = 0;
  for (const std::int32_t user : rows.user) {
    Part& mine = parts[row++];
    if (mine == part && !stays[static_cast<std::size_t>(user)]) mine = Part::Unused;
  }
}

void expect_some(const std::vector<Part>& parts, Part part, const char* name,
                 const SplitOptions& options) {
  if (std::find(parts.begin(), parts.end(), part) != parts.end()) return;
  throw Error(Code::Data,
              std::string("the ") + name + " part is empty: split by " + options.by + " of " +
                  std::to_string(parts.size()) + " interactions",
              "change data.split or give more data");
}

}  // namespace

std::vector<Part> split_rows(const Interactions& rows, const SplitOptions& options,
                             std::uint64_t seed) {
  // Written so that NaN fails too.
  if (!(options.validation >= 0 && options.test >= 0 && options.validation + options.test < 1)) {
    throw Error(Code::Config,
                "data.split: validation " + std::to_string(options.validation) + " and test " +
                    std::to_string(options.test),
                "both are at least 0 and their sum is below 1");
  }
  std::vector<Part> parts = SplitterRegistry::make(options.by)->split(rows, options, seed);
  limit(rows, options.max_validation, Part::Validation, seed, parts);
  limit(rows, options.max_test, Part::Test, seed, parts);
  expect_some(parts, Part::Train, "training", options);
  if (options.validation > 0) expect_some(parts, Part::Validation, "validation", options);
  if (options.test > 0) expect_some(parts, Part::Test, "test", options);
  return parts;
}

std::int64_t rows_of(double fraction, std::int64_t rows) {
  return std::llround(fraction * static_cast<double>(rows));
}

void expect_times(const Interactions& rows, const std::string& by) {
  if (rows.size() == 0 || rows.has_times()) return;
  throw Error(Code::Config, "data.split.by is '" + by + "', but the source has no times",
              "set data.split.by to \"random\", or name the column of the time");
}

std::vector<Row> rows_of_users(const Interactions& rows) {
  std::vector<Row> out(rows.user_ids.size(), 0);
  for (const std::int32_t user : rows.user) ++out[static_cast<std::size_t>(user)];
  return out;
}

}  // namespace tutti
