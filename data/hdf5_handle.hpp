#pragma once

// Internal to data/hdf5*.cpp: the one header that includes hdf5.h.

#include "tutti/data/error.hpp"

#include <hdf5.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <type_traits>
#include <utility>

namespace tutti::hdf5 {

/// One lock for the library: it has one state for the whole process, and Debian's is not
/// thread-safe. Also sets that errors are not printed and filter plugins are not loaded.
std::unique_lock<std::recursive_mutex> lock();

/// A name that no file on disk can have, a fresh one each time: HDF5 takes files in memory that
/// have one name for one file. Call it under the lock.
std::string fresh_name();

/// The innermost message of HDF5's error stack, which is emptied.
std::string reason();

template <class Id>
Id check(Id id, Code code, const std::string& what) {
  if (id < 0) throw Error(code, "HDF5: " + what + ": " + reason());
  return id;
}

/// Owns one HDF5 identifier. close() reports; the destructor cannot, and discards.
class Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Handle(hid_t id, Close closer, Code code, const std::string& what)
      : id_(check(id, code, what)), close_(closer) {}
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  Handle& operator=(Handle&&) = delete;

  [[nodiscard]] hid_t id() const noexcept { return id_; }
  void close(const std::string& what) {
    check(close_(std::exchange(id_, -1)), Code::Io, "cannot close " + what);
  }

 private:
  hid_t id_;
  Close close_;
};

template <class T>
hid_t native() {
  if constexpr (std::is_same_v<T, std::uint8_t>) return H5T_NATIVE_UINT8;
  if constexpr (std::is_same_v<T, std::int32_t>) return H5T_NATIVE_INT32;
  if constexpr (std::is_same_v<T, std::int64_t>) return H5T_NATIVE_INT64;
  if constexpr (std::is_same_v<T, float>) return H5T_NATIVE_FLOAT;
  if constexpr (std::is_same_v<T, double>) return H5T_NATIVE_DOUBLE;
}

/// A fresh property list.
Handle properties(hid_t kind);
/// Access to a file of the latest format: in memory, or on disk. On disk without HDF5's own locks,
/// which some network file systems refuse: files are renamed into place whole.
Handle memory_access();
Handle disk_access();

}  // namespace tutti::hdf5
