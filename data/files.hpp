#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace tutti {

using Path = std::filesystem::path;

/// The whole file as bytes. Throws Error(Io) naming the file and the reason; refuses anything but a
/// regular file (a FIFO would block) and files over `limit` bytes.
std::string read_file(const Path& file, std::uint64_t limit = UINT64_MAX);

/// A regular file from front to back, a block at a time. Throws Error(Io) as read_file does.
class InputFile {
 public:
  explicit InputFile(Path file);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  /// How many bytes came; 0 at the end.
  std::size_t read(std::span<char> into);

 private:
  Path file_;
  int fd_;
  std::uint64_t size_ = 0;
};

/// Writes to a temporary name beside `file`, syncs, renames, syncs the folder: a reader sees the
/// old bytes or the new ones. Throws Error(Io), leaving the old file as it was and no temporary
/// behind.
void write_file(const Path& file, std::string_view bytes);

/// The second half of write_file, for a library that writes `temporary` itself (HDF5): sync, rename
/// to `file`, sync the folder.
void publish_file(const Path& temporary, const Path& file);

/// The same for a finished folder: syncs every file below it, renames it to `folder` (which must
/// not exist), syncs the parent.
void publish_folder(const Path& temporary, const Path& folder);

/// The temporary name that write_file uses: hidden, beside `file`, with this process in its name.
Path temporary_name(const Path& file);

/// Makes the folder and its parents. Throws Error(Io).
void make_folder(const Path& folder);

/// SHA-256 (FIPS 180-4) as 64 lower-case hexadecimal digits.
std::string sha256(std::string_view bytes);
std::string sha256_of_file(const Path& file);

/// SHA-256 of what comes piece by piece.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void update(const void* bytes, std::size_t size);
  /// Once, at the end.
  [[nodiscard]] std::string hex();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tutti
