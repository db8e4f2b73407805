#pragma once

#include "tutti/data/tables.hpp"
#include "tutti/data/tokenizer.hpp"

#include <cstdint>
#include <vector>

namespace tutti {

/// A tokenised example, ready for any batch.
struct Tokens {
  Row row = -1;
  std::int32_t user = -1;
  double label = 0.0;
  Encoding encoding;
  std::int32_t split = 0;  ///< two-tower: so many tokens are the user's text, the rest the item's;
                           ///< 0: all are one text
};

/// Ragged: example i has tokens offsets[i] .. offsets[i+1]-1. No padding anywhere.
/// Examples are ordered by length, so that runs of equal length can share one attention call.
struct Batch {
  std::vector<TokenId> ids;
  std::vector<std::int32_t> types;
  std::vector<std::int32_t> offsets{0};  ///< [examples + 1]
  std::vector<Row> rows;  ///< [examples] store rows: also the key of an example's dropout mask
  std::vector<std::int32_t> users;   ///< [examples]
  std::vector<double> labels;        ///< [examples]
  std::vector<std::int32_t> splits;  ///< [examples] as in Tokens

  [[nodiscard]] std::int32_t examples() const noexcept {
    return static_cast<std::int32_t>(rows.size());
  }
  [[nodiscard]] std::int32_t tokens() const noexcept { return offsets.back(); }
  void append(const Tokens& example);
};

}  // namespace tutti
