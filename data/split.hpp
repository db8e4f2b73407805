#pragma once

#include "tutti/data/data_options.hpp"
#include "tutti/data/registry.hpp"
#include "tutti/data/store.hpp"
#include "tutti/data/tables.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tutti {

/// One way to divide interactions, registered by its name in data.split.by.
///
/// split() gives Train, Validation or Test for each row of interactions in store order; pure: the
/// same rows, options and seed give the same parts. In memory are the parts (a byte a row) and what
/// grows with users; "random" alone needs four bytes a row more while it draws.
class Splitter {
 public:
  static constexpr const char* kKind = "split";
  virtual ~Splitter() = default;
  [[nodiscard]] virtual std::vector<Part> split(const Interactions& rows,
                                                const SplitOptions& options,
                                                std::uint64_t seed) const = 0;
};

using SplitterRegistry = Registry<Splitter>;

/// Divides and then limits validation and test to options.max_validation and max_test rows: whole
/// users are drawn by the seed, those that do not fit any more are passed over, and the rows of the
/// others become Unused. Throws Error(Config) for fractions that cannot be, Error(Data) for a part
/// that is empty though it should not be.
std::vector<Part> split_rows(const Interactions& rows, const SplitOptions& options,
                             std::uint64_t seed);

/// How many of `rows` a fraction means: the nearest whole number.
std::int64_t rows_of(double fraction, std::int64_t rows);

/// Throws Error(Config) where the source has no times: `by` needs them.
void expect_times(const Interactions& rows, const std::string& by);

/// [user] How many rows each has.
std::vector<Row> rows_of_users(const Interactions& rows);

}  // namespace tutti
