#pragma once

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
/// only when it closes a file, and then crashes at exit. Text columns are two datasets, PATH/bytes
/// and PATH/offsets [n + 1], since HDF5 does not checksum strings of varying length. Missing groups
/// are made. Objects of these two classes may be used from different threads (one lock for all, as
/// HDF5 has one state for all).
class Hdf5Writer {
 public:
  Hdf5Writer();
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
  void write_text(const std::string& path, std::span<const std::string> values);

  /// Closes and writes `file`; the writer cannot be used after it. Throws Error(Io).
  void save(const Path& file);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Reads an HDF5 file that is held in memory. Throws Error(Io) for a missing file, Error(Data)
/// naming the file and the dataset for one that is not HDF5, lacks the dataset, holds another type
/// or fails its checksum.
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

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tutti
