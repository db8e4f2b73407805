#include "tutti/data/spill_file.hpp"

#include "tutti/data/error.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace tutti {

namespace {

[[noreturn]] void fail(const std::string& what, const Path& path) {
  const int reason = errno;
  throw Error(Code::Io, what + " in " + path.string() + ": " + std::strerror(reason),
              "set TMPDIR to a folder with space for what does not fit in memory");
}

int open_unnamed(const Path& folder) {
  const int fd = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR)) return fd;
  std::string name = (folder / "tutti-XXXXXX").string();  // a file system without O_TMPFILE
  const int named = ::mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) ::unlink(name.c_str());
  return named;
}

}  // namespace

SpillFile::SpillFile() {
  const char* set = std::getenv("TMPDIR");
  path_ = set != nullptr && *set != '\0' ? set : "/tmp";
  fd_ = open_unnamed(path_);
  if (fd_ < 0) fail("cannot make a temporary file", path_);
}

SpillFile::SpillFile(const Path& existing)
    : path_(existing), fd_(::open(existing.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (fd_ < 0) {
    throw Error(Code::Io, "cannot open " + path_.string() + ": " + std::strerror(errno),
                "check the path");
  }
}

SpillFile::~SpillFile() { ::close(fd_); }

std::uint64_t SpillFile::append(const void* bytes, std::size_t size) {
  const std::lock_guard<std::mutex> hold(mutex_);
  const std::uint64_t begin = end_;
  const char* from = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t put = ::pwrite(fd_, from, size, static_cast<off_t>(end_));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail("cannot write a temporary file", path_);
    from += put;
    size -= static_cast<std::size_t>(put);
    end_ += static_cast<std::uint64_t>(put);
  }
  return begin;
}

void SpillFile::read(std::uint64_t offset, void* into, std::size_t size) const {
  char* to = static_cast<char*>(into);
  while (size > 0) {
    const ssize_t got = ::pread(fd_, to, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("cannot read back", path_);
    if (got == 0) throw Error(Code::Data, "the file has become shorter: " + path_.string());
    to += got;
    size -= static_cast<std::size_t>(got);
    offset += static_cast<std::uint64_t>(got);
  }
}

}  // namespace tutti
