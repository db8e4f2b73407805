#pragma once

#include "tutti/data/data_options.hpp"
#include "tutti/data/dataset.hpp"
#include "tutti/data/files.hpp"
#include "tutti/data/row_set.hpp"
#include "tutti/data/tables.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tutti {

/// Which part of the data a row belongs to; the same for every member.
enum class Part : std::uint8_t { Train = 0, Validation = 1, Test = 2, Unused = 3 };

/// What cleaning did: every row read is kept or counted under one reason.
struct CleaningReport {
  std::int64_t read = 0;
  std::int64_t kept = 0;
  std::vector<std::pair<std::string, std::int64_t>> dropped;   ///< reason, rows
  std::vector<std::pair<std::string, std::int64_t>> repaired;  ///< reason, rows
};

class StoreIndex;

/// dataset.h5: cleaned interactions, tables and split, in one checksummed file that h5py opens.
/// Read-only once made. What grows with users and items is in memory; of a row, four bits and what
/// short columns hold (Column::kMemory bytes each at most): long columns are read from the file,
/// which has to stay as it is, by element or by block. Safe to read from many threads.
class Store {
 public:
  /// Throws Error(Io) for a missing file, Error(Data) for one that is not a store or whose
  /// fingerprint does not match.
  static Store open(const Path& file);
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  /// SHA-256 over all columns, tables and the split: an attribute of the file, and part of a run's
  /// provenance.
  [[nodiscard]] const std::string& fingerprint() const noexcept;
  [[nodiscard]] const std::string& task() const noexcept;
  [[nodiscard]] const Interactions& interactions() const noexcept;  ///< in store order
  [[nodiscard]] const Column<double>& labels()
      const noexcept;  ///< [row] click, rank: 0/1; rating: the rating
  [[nodiscard]] const Column<Part>& parts() const noexcept;  ///< [row]
  [[nodiscard]] const RowSet& rows(Part part) const noexcept;
  /// What the views share: made on first use.
  [[nodiscard]] const StoreIndex& index() const;

 private:
  friend void write_training_store(const Store& store, const Path& file);
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Reads the source, cleans, labels, splits and writes `file` (atomically). Everything random comes
/// from `seed`. Throws Error(Data) with file and line for what cleaning is told not to accept, and
/// for an empty part.
CleaningReport build_store(const DataOptions& options, std::uint64_t seed, const Path& file);

/// Writes a store of the training rows alone (without those that repeat the user and item of a
/// validation or test row, which no text shows), with the same users, items and tables: ids and
/// indices stay, and pair_view makes the same texts of it. No rating that was held out goes along.
void write_training_store(const Store& store, const Path& file);

/// A member's training examples. The text of a row shows only interactions of training rows that
/// came strictly before it in time (in store order where the source has no times), and none that
/// repeats the user and item of a validation or test row. `store` must outlive the view. Throws
/// Error(Config) for an unknown field or an empty view.
std::unique_ptr<Dataset> training_view(const Store& store, const MemberData& options,
                                       std::uint64_t seed, const std::string& member);

/// The examples of a part in store order, put as text in the member's way; histories hold training
/// rows only, and none that repeats a held-out pair.
std::unique_ptr<Dataset> evaluation_view(const Store& store, Part part, const MemberData& options);

/// A user and an item that are to be scored, as indices into the store's ids; user -1: unknown.
struct UserItem {
  std::int32_t user = -1;
  std::int32_t item = -1;
};

/// Pairs put as text as evaluation rows are: what a bundle scores. Example::row is -1. `store` must
/// outlive the view.
std::unique_ptr<Dataset> pair_view(const Store& store, std::vector<UserItem> pairs,
                                   const MemberData& options);

/// The leak guard: throws Error(Data) naming row and member if a training example of the member is
/// a validation or test row of the store or repeats one (same user, item), or if its text was made
/// from an event of its second or later, one outside training or a repeat of a held-out pair.
void check_leaks(const Store& store, const Dataset& training, const std::string& member);

/// The same for what a member scores: exactly the rows of `part` in store order, put as text from
/// training rows alone that repeat no held-out pair.
void check_evaluation_leaks(const Store& store, const Dataset& evaluation, Part part,
                            const std::string& member);

}  // namespace tutti
