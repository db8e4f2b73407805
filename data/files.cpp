#include "tutti/data/files.hpp"

#include "tutti/data/error.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>
#include <utility>

namespace tutti {

namespace {

[[noreturn]] void fail(const std::string& what, const Path& path) {
  const int reason = errno;
  std::string hint;
  if (reason == ENOSPC) hint = "free some space and run again";
  if (reason == ENOENT) hint = "check the path";
  if (reason == EACCES || reason == EROFS) hint = "check the permissions";
  throw Error(Code::Io, what + ": " + path.string() + ": " + std::strerror(reason), hint);
}

class Descriptor {
 public:
  Descriptor(const Path& path, int flags, const char* what)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0666)), path_(path) {
    if (fd_ < 0) fail(what, path);
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[nodiscard]] int fd() const { return fd_; }

  void sync() {
    if (::fsync(fd_) != 0) fail("sync failed", path_);
  }

  void close() {
    const int fd = fd_;
    fd_ = -1;
    if (::close(fd) != 0) fail("close failed", path_);
  }

 private:
  int fd_;
  Path path_;
};

Path parent_of(const Path& path) { return path.has_parent_path() ? path.parent_path() : Path("."); }

void sync_path(const Path& path, int flags) {
  Descriptor file(path, flags, "cannot open");
  file.sync();
  file.close();
}

// Calls `use(bytes, size)` for each block of a regular file.
template <class Use>
void read_blocks(const Path& file, std::uint64_t limit, Use use) {
  InputFile in(file);
  if (in.size() > limit) {
    throw Error(Code::Data, "file too large: " + file.string() + ": " + std::to_string(in.size()) +
                                " bytes, at most " + std::to_string(limit) + " expected");
  }
  std::string block(1 << 20, '\0');
  while (const std::size_t got = in.read(block)) use(block.data(), got);
}

}  // namespace

// O_NONBLOCK: opening a FIFO must not wait for a writer; it is refused.
InputFile::InputFile(Path file)
    : file_(std::move(file)), fd_(::open(file_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
  if (fd_ < 0) fail("cannot open", file_);
  struct stat status {};
  const bool known = ::fstat(fd_, &status) == 0;
  if (known && S_ISREG(status.st_mode)) {
    size_ = static_cast<std::uint64_t>(status.st_size);
    return;
  }
  const int reason = errno;
  ::close(fd_);
  errno = reason;
  if (!known) fail("cannot read", file_);
  throw Error(Code::Io, "not a regular file: " + file_.string(), "give a plain file");
}

InputFile::~InputFile() { ::close(fd_); }

std::size_t InputFile::read(std::span<char> into) {
  for (;;) {
    const ssize_t got = ::read(fd_, into.data(), into.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) fail("read failed", file_);
  }
}

std::string read_file(const Path& file, std::uint64_t limit) {
  std::string out;
  read_blocks(file, limit, [&](const char* bytes, std::size_t size) { out.append(bytes, size); });
  return out;
}

Path temporary_name(const Path& file) {
  return parent_of(file) / ("." + file.filename().string() + ".tmp-" + std::to_string(::getpid()));
}

void write_file(const Path& file, std::string_view bytes) {
  const Path temporary = temporary_name(file);
  try {
    Descriptor out(temporary, O_WRONLY | O_CREAT | O_TRUNC, "cannot create");
    while (!bytes.empty()) {
      const ssize_t put = ::write(out.fd(), bytes.data(), bytes.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) fail("write failed", file);
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    out.close();
    publish_file(temporary, file);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
}

void publish_file(const Path& temporary, const Path& file) {
  sync_path(temporary, O_RDONLY);
  if (::rename(temporary.c_str(), file.c_str()) != 0) fail("rename failed", file);
  sync_path(parent_of(file), O_RDONLY | O_DIRECTORY);
}

void publish_folder(const Path& temporary, const Path& folder) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(temporary)) {
    sync_path(entry.path(), entry.is_directory() ? O_RDONLY | O_DIRECTORY : O_RDONLY);
  }
  sync_path(temporary, O_RDONLY | O_DIRECTORY);
  if (::rename(temporary.c_str(), folder.c_str()) != 0) fail("rename failed", folder);
  sync_path(parent_of(folder), O_RDONLY | O_DIRECTORY);
}

void make_folder(const Path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    errno = error.value();
    fail("cannot create folder", folder);
  }
}

struct Sha256::Impl {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(),
                                                                  EVP_MD_CTX_free};
};

Sha256::Sha256() : impl_(std::make_unique<Impl>()) {
  TUTTI_ASSERT(
      impl_->context && EVP_DigestInit_ex(impl_->context.get(), EVP_sha256(), nullptr) == 1,
      "SHA-256");
}

Sha256::~Sha256() = default;

void Sha256::update(const void* bytes, std::size_t size) {
  TUTTI_ASSERT(EVP_DigestUpdate(impl_->context.get(), bytes, size) == 1, "SHA-256");
}

std::string Sha256::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  TUTTI_ASSERT(EVP_DigestFinal_ex(impl_->context.get(), digest.data(), &size) == 1, "SHA-256");
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (unsigned int i = 0; i < size; ++i) {
    out.push_back(kDigits[digest[i] >> 4]);
    out.push_back(kDigits[digest[i] & 15]);
  }
  return out;
}

std::string sha256(std::string_view bytes) {
  Sha256 digest;
  digest.update(bytes.data(), bytes.size());
  return digest.hex();
}

std::string sha256_of_file(const Path& file) {
  Sha256 digest;
  read_blocks(file, UINT64_MAX,
              [&](const char* bytes, std::size_t size) { digest.update(bytes, size); });
  return digest.hex();
}

}  // namespace tutti
