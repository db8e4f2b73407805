#include "tutti/launch/run_folder.hpp"

#include "tutti/data/error.hpp"
#include "tutti/launch/threads.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace tutti {

namespace {

namespace fs = std::filesystem;

constexpr const char* kLock = ".lock";
constexpr std::array<const char*, 9> kWritten = {"config.toml", "run.json",    "dataset.h5",
                                                 "members",     "ensemble",    "bundle",
                                                 "tokens",      "report.html", "report.md"};

[[noreturn]] void fail(const std::string& what, const Path& path) {
  throw Error(Code::Io, what + ": " + path.string() + ": " + std::strerror(errno),
              "check the path and its permissions");
}

std::string this_process() { return "pid " + std::to_string(::getpid()) + " on " + host_name(); }

void remove_written(const Path& folder) {
  std::error_code ignored;
  for (const char* name : kWritten) fs::remove_all(folder / name, ignored);
}

bool holds_anything(const Path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename() != kLock) return true;
  }
  return false;
}

// --fresh removes by name what a run writes: not from a folder that a run did not make, where
// config.toml may be anyone's.
void refuse_foreign(const Path& folder) {
  if (!holds_anything(folder) || fs::exists(folder / "run.json") ||
      fs::exists(folder / "dataset.h5") || fs::exists(folder / kLock)) {
    return;
  }
  throw Error(Code::Config, "the folder " + folder.string() + " is not empty and not a run's",
              "give another --out, or empty it yourself");
}

}  // namespace

RunFolder::RunFolder(Path folder, bool fresh) : folder_(std::move(folder)) {
  std::error_code error;
  made_ = !fs::exists(folder_, error);
  make_folder(folder_);
  if (fresh) refuse_foreign(folder_);
  lock();
  if (fresh) remove_written(folder_);
  if (holds_anything(folder_) && !fresh) {
    ::unlink((folder_ / kLock).c_str());
    ::close(fd_);
    throw Error(Code::Config, "the run folder " + folder_.string() + " is not empty",
                "give --fresh to remove the old run, or another --out");
  }
}

void RunFolder::lock() {
  const Path file = folder_ / kLock;
  for (;;) {
    fd_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd_ < 0) fail("cannot open the lock", file);
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      std::array<char, 300> owner{};
      const int reason = errno;
      const ssize_t got = ::read(fd_, owner.data(), owner.size() - 1);
      ::close(fd_);
      errno = reason;
      if (reason != EWOULDBLOCK) fail("cannot lock", file);
      throw Error(Code::Resumable,
                  "the run folder " + folder_.string() + " is in use by " +
                      (got > 0 ? owner.data() : "another process"),
                  "wait for it to end, or give another --out");
    }
    // The last owner may have removed the file between our open and our lock.
    struct stat ours {};
    struct stat named {};
    if (::fstat(fd_, &ours) == 0 && ::stat(file.c_str(), &named) == 0 &&
        ours.st_ino == named.st_ino && ours.st_dev == named.st_dev) {
      break;
    }
    ::close(fd_);
  }
  const std::string owner = this_process();
  if (::ftruncate(fd_, 0) != 0 ||
      ::write(fd_, owner.data(), owner.size()) != static_cast<ssize_t>(owner.size())) {
    ::close(fd_);
    fail("cannot write the lock", file);
  }
}

void RunFolder::abandon() noexcept { remove_written(folder_); }

RunFolder::~RunFolder() {
  // Removed while still locked: a process that waits for this very file sees that it has gone.
  ::unlink((folder_ / kLock).c_str());
  if (made_) ::rmdir(folder_.c_str());  // only if nothing was left in it
  ::close(fd_);
}

}  // namespace tutti
