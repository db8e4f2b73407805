#pragma once

#include "tutti/data/files.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tutti {

/// The rankings of several systems for the same queries, and what is relevant, joined by (query,
/// document): a row a pair that any run retrieves, by query and then document in order of first
/// appearance over the runs; then the relevant pairs that none does. A run may lack a row.
struct TrecTable {
  std::vector<std::string> members;     ///< names of the runs: their files without folder, ending
  std::vector<std::string> queries;     ///< [query]
  std::vector<std::string> documents;   ///< [document]
  std::vector<std::int32_t> query;      ///< [row]
  std::vector<std::int32_t> document;   ///< [row]
  std::vector<double> score;            ///< [member][row]; 0 where the run lacks the row
  std::vector<std::uint8_t> present;    ///< [member][row]
  std::vector<double> label;            ///< [row] relevance, 0 where not judged; empty: no qrels
  std::vector<std::uint8_t> retrieved;  ///< [row] 0: relevant, and in no run

  [[nodiscard]] std::size_t rows() const noexcept { return query.size(); }
};

/// Runs in the format of TREC: "query Q0 document rank score tag" a line, fields apart by spaces or
/// tabs; ranks are not read, the scores order. Relevance ("qrels"): "query 0 document relevance" a
/// line; an empty path: none. Queries without a judgement are left out if there are qrels. Throws
/// Error(Data) naming file and line for what does not fit, a score that is not finite, or a pair
/// that comes twice; Error(Io).
TrecTable read_trec(const std::vector<Path>& runs, const Path& qrels = {});

/// A run file: queries in order, each by falling score (equal scores: in row order), rows that no
/// run has left out.
std::string trec_text(const TrecTable& table, const std::vector<double>& score,
                      const std::string& tag);

}  // namespace tutti
