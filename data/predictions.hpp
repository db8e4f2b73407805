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

/// Predictions of members that were made elsewhere, from one CSV file with a header: columns user,
/// item and label, a column of scores for each member (named by it, in order), and optionally split
/// with "validation" or "test" (without it every row is validation). Users and items are numbered
/// by first appearance over the whole file; row is the record's place in it, from 0; there are no
/// logits, and head is empty. Throws Error(Data) naming file and line for what does not fit.
std::vector<Predictions> read_predictions_csv(const Path& file);

}  // namespace tutti
