#pragma once

#include "tutti/data/batch.hpp"
#include "tutti/data/column.hpp"
#include "tutti/data/data_options.hpp"
#include "tutti/data/dataset.hpp"
#include "tutti/data/files.hpp"
#include "tutti/data/store.hpp"

#include <cstdint>
#include <string>

namespace tutti {

/// Tokenised examples that need not fit in memory: shapes of all of them, tokens of one at a time.
/// Pure and safe to read from many threads, as a Dataset is.
class ExampleSource {
 public:
  virtual ~ExampleSource() = default;
  [[nodiscard]] virtual Row size() const noexcept = 0;
  [[nodiscard]] virtual std::int32_t length(Row index) const = 0;  ///< tokens
  [[nodiscard]] virtual std::int32_t user(Row index) const = 0;
  [[nodiscard]] virtual Tokens get(Row index) const = 0;
};

/// The texts of a dataset, tokenised once: an HDF5 file that is read by chunk. Where it is short,
/// its columns are in memory.
class TokensFile : public ExampleSource {
 public:
  /// Tokenises `examples` and writes `file`, atomically. In memory is one example.
  static void write(const Path& file, const std::string& key, const Dataset& examples,
                    const Tokenizer& tokenizer, std::int32_t max_length);
  /// Throws Error(Data) for a file of another key, or whose content is not that of its digest.
  TokensFile(const Path& file, const std::string& key);

  [[nodiscard]] Row size() const noexcept override { return static_cast<Row>(rows_.size()); }
  [[nodiscard]] std::int32_t length(Row index) const override;
  [[nodiscard]] std::int32_t user(Row index) const override {
    return users_[static_cast<std::size_t>(index)];
  }
  [[nodiscard]] Tokens get(Row index) const override;
  /// The example of a row, or -1: for files of rows in ascending order.
  [[nodiscard]] Row find(Row row) const;

 private:
  Column<Row> rows_;
  Column<std::int32_t> users_;
  Column<double> labels_;
  Column<std::int64_t> offsets_;  // [example + 1] into ids_ and types_
  Column<TokenId> ids_;
  Column<std::uint8_t> types_;
};

/// Names what a TokensFile holds: a SHA-256 over the store's fingerprint, all that decides which
/// examples a view has and how they read, the tokenizer and the length. Members whose keys are
/// equal share the file. `part` Train: the training view of `member`, whose name counts only where
/// it decides what is drawn.
std::string tokens_key(const Store& store, Part part, const MemberData& options, std::uint64_t seed,
                       const std::string& member, const Tokenizer& tokenizer,
                       std::int32_t max_length);

/// An example as a model reads it; one without a user's side is a single text.
Tokens tokenise(const Example& example, const Tokenizer& tokenizer, std::int32_t max_length);

}  // namespace tutti
