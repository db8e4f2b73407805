#pragma once

#include "tutti/data/files.hpp"
#include "tutti/data/tables.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tutti {

/// What one member says of a set of examples. The examples (row, user, item, label) and their order
/// are the same for every member of an ensemble.
struct PredictionSet {
  std::vector<Row> row;
  std::vector<std::int32_t> user;
  std::vector<std::int32_t> item;
  std::vector<double> label;
  std::int32_t outputs = 1;  ///< logits an example
  std::vector<float>
      logits;  ///< [example][output], row-major; empty for predictions that come from elsewhere
  std::vector<double> score;  ///< [example] click, rank: probability; rating: expected rating

  [[nodiscard]] std::size_t size() const noexcept { return row.size(); }
};

/// members/<name>/predictions.h5: groups "validation" and "test" with the datasets row, user, item,
/// label, logits, score.
struct Predictions {
  std::string member;
  std::string head;  ///< classification | regression | ranking
  PredictionSet validation;
  PredictionSet test;
};

/// Atomic, checksummed (fletcher32). Throws Error(Io).
void write_predictions(const Path& file, const Predictions& predictions);
/// Throws Error(Data) naming the file and what is missing or of the wrong size.
Predictions read_predictions(const Path& file);

}  // namespace tutti
