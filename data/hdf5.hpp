#pragma once

#include "tutti/data/column.hpp"
#include "tutti/data/files.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tutti {

/// Builds an HDF5 file: latest format, chunked, fletcher32 on every dataset. h5py opens it.
///
/// The file is built in memory and written by save(), atomically: HDF5 itself reports a full disk
/// only when it closes a file, and then crashes at exit. A file that may not fit in memory is built
/// beside its name instead (the second constructor): there, before save() closes it, everything is
/// flushed, and where that fails the rest goes to /dev/null, so that HDF5 can close. Text columns
/// are two datasets, PATH/bytes and PATH/offsets [n + 1], since HDF5 does not checksum strings of
/// varying length. Missing groups are made. Objects of these two classes may be used from different
/// threads (one lock for all, as HDF5 has one state for all).
class Hdf5Writer {
 public:
  Hdf5Writer();
  /// Builds the file on disk, under temporary_name(file), to be saved as `file`. Throws Error(Io).
  explicit Hdf5Writer(const Path& file);
  ~Hdf5Writer();
  Hdf5Writer(const Hdf5Writer&) = delete;
  Hdf5Writer& operator=(const Hdf5Writer&) = delete;

  void group(const std::string& path);
  /// A text attribute (UTF-8) of a group or dataset that exists; "/" is the file's own.
  void attribute(const std::string& path, const std::string& name, std::string_view value);

  /// T: std::uint8_t, std::int32_t, std::int64_t, float or double. `columns` > 0 gives a table
  /// [values.size() / columns][columns].
  template <class T>
  void write(const std::string& path, std::span<const T> values, std::int64_t columns = 0);
  /// One dimension, a block at a time.
  template <class T>
  void write_column(const std::string& path, const Column<T>& values);
  void write_text(const std::string& path, std::span<const std::string> values);

  /// Closes and writes `file`; the writer cannot be used after it. Throws Error(Io).
  void save(const Path& file);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Reads an HDF5 file; in memory is what is asked for. Throws Error(Io) for a missing file,
/// Error(Data) naming the file and the dataset for one that is not HDF5, lacks the dataset, holds
/// another type or fails its checksum.
class Hdf5Reader {
 public:
  explicit Hdf5Reader(const Path& file);
  ~Hdf5Reader();
  Hdf5Reader(const Hdf5Reader&) = delete;
  Hdf5Reader& operator=(const Hdf5Reader&) = delete;

  [[nodiscard]] bool has(const std::string& path) const;
  [[nodiscard]] std::string attribute(const std::string& path, const std::string& name) const;
  /// A dataset of one or two dimensions, row-major. Integers are not read as floats, nor floats as
  /// integers.
  template <class T>
  [[nodiscard]] std::vector<T> read(const std::string& path) const;
  [[nodiscard]] std::vector<std::string> read_text(const std::string& path) const;
  /// A dataset of one dimension that stays in the file where it is long; the column may outlive the
  /// reader. Its checksums are then not looked at: whoever reads it all compares a digest. Throws
  /// Error(Data) too for a long one that is not stored as Hdf5Writer does.
  template <class T>
  [[nodiscard]] Column<T> column(const std::string& path) const;

 private:
  void expect(const std::string& path) const;

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tutti
