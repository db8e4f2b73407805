#pragma once

#include "tutti/data/files.hpp"

#include <cstdint>
#include <mutex>

namespace tutti {

/// Bytes on disk instead of in memory: a temporary file without a name in $TMPDIR (/tmp), gone with
/// the process whatever ends it; or a file that is there, to read from. Throws Error(Io), naming
/// the folder. Any number of threads may append and read.
class SpillFile {
 public:
  SpillFile();
  explicit SpillFile(const Path& existing);
  ~SpillFile();
  SpillFile(const SpillFile&) = delete;
  SpillFile& operator=(const SpillFile&) = delete;

  /// Returns where the bytes start.
  std::uint64_t append(const void* bytes, std::size_t size);
  /// All of [offset, offset + size); that the file is shorter is Error(Data).
  void read(std::uint64_t offset, void* into, std::size_t size) const;

 private:
  Path path_;  // for messages
  int fd_;
  std::mutex mutex_;
  std::uint64_t end_ = 0;
};

}  // namespace tutti
