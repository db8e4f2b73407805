#include "tutti/train/safetensors.hpp"

#include "tutti/data/error.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

namespace tutti {

namespace {

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian");

constexpr std::uint64_t kMaxHeader = 100'000'000;  // the format's own limit

[[noreturn]] void io_error(const std::string& what, const Path& file, int reason) {
  throw Error(Code::Io, what + ": " + file.string() + ": " + std::strerror(reason),
              reason == ENOSPC   ? "free some space and run again"
              : reason == ENOENT ? "check the path"
                                 : "");
}

void read_at(int descriptor, void* out, std::uint64_t size, std::uint64_t offset,
             const Path& file) {
  auto* bytes = static_cast<char*>(out);
  while (size > 0) {
    const ssize_t got = ::pread(descriptor, bytes, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) io_error("read failed", file, errno);
    if (got == 0) throw Error(Code::Data, file.string() + ": became shorter while it was read");
    bytes += got;
    offset += static_cast<std::uint64_t>(got);
    size -= static_cast<std::uint64_t>(got);
  }
}

// Removes the temporary file unless it was published.
class NewFile {
 public:
  explicit NewFile(Path file) : file_(std::move(file)), temporary_(temporary_name(file_)) {
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor_ < 0) io_error("cannot create", file_, errno);
  }
  ~NewFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!published_) ::unlink(temporary_.c_str());
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void write(const void* data, std::uint64_t size) {
    const auto* bytes = static_cast<const char*>(data);
    while (size > 0) {
      const ssize_t put = ::write(descriptor_, bytes, size);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) io_error("write failed", file_, errno);
      bytes += put;
      size -= static_cast<std::uint64_t>(put);
    }
  }

  void publish() {
    const int descriptor = std::exchange(descriptor_, -1);
    if (::close(descriptor) != 0) io_error("close failed", file_, errno);
    publish_file(temporary_, file_);
    published_ = true;
  }

 private:
  Path file_;
  Path temporary_;
  int descriptor_ = -1;
  bool published_ = false;
};

}  // namespace

SafetensorsFile::SafetensorsFile(SafetensorsFile&& other) noexcept
    : file_(std::move(other.file_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      data_start_(other.data_start_),
      entries_(std::move(other.entries_)) {}

SafetensorsFile::~SafetensorsFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

SafetensorsFile SafetensorsFile::open(const Path& file) {
  // O_NONBLOCK: opening a FIFO must not wait for a writer; it is refused below.
  SafetensorsFile out(file, ::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (out.descriptor_ < 0) io_error("cannot open", file, errno);
  struct stat status {};
  if (::fstat(out.descriptor_, &status) != 0) io_error("cannot read", file, errno);
  if (!S_ISREG(status.st_mode)) {
    throw Error(Code::Io, "not a regular file: " + file.string(), "give a plain file");
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  const std::string where = file.string();
  if (size < 8) {
    throw Error(Code::Data,
                where + ": " + std::to_string(size) + " bytes, a safetensors file has at least 8",
                "the file is damaged: fetch it again");
  }
  std::uint64_t header_size = 0;
  read_at(out.descriptor_, &header_size, sizeof header_size, 0, file);
  if (header_size > kMaxHeader || header_size > size - 8) {
    throw Error(Code::Data,
                where + ": header length " + std::to_string(header_size) + ", at most " +
                    std::to_string(std::min(kMaxHeader, size - 8)) + " expected",
                "the file is damaged: fetch it again");
  }
  std::string header(header_size, '\0');
  read_at(out.descriptor_, header.data(), header_size, 8, file);
  out.data_start_ = 8 + header_size;
  out.entries_ = parse_safetensors_header(header, size - out.data_start_, where);
  return out;
}

void SafetensorsFile::read_into(const std::string& name, at::Tensor& out) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) {
    throw Error(Code::Data, file_.string() + ": tensor '" + name + "' is missing");
  }
  const TensorEntry& entry = found->second;
  if (out.sizes().vec() != entry.shape) {
    throw Error(Code::Data,
                file_.string() + ": tensor '" + name + "': shape " + shape_text(entry.shape) +
                    ", " + shape_text(out.sizes().vec()) + " expected",
                "does config.json belong to these weights?");
  }
  at::ScalarType type = at::kFloat;
  if (entry.dtype == "F16") {
    type = at::kHalf;
  } else if (entry.dtype == "BF16") {
    type = at::kBFloat16;
  } else if (entry.dtype != "F32") {
    throw Error(Code::Data, file_.string() + ": tensor '" + name + "': type " + entry.dtype +
                                ", F32, F16 or BF16 expected");
  }
  const at::NoGradGuard no_grad;
  const bool direct =
      type == at::kFloat && out.is_cpu() && out.is_contiguous() && out.scalar_type() == at::kFloat;
  at::Tensor read = direct ? out : at::empty(out.sizes(), at::TensorOptions().dtype(type));
  read_at(descriptor_, read.data_ptr(), entry.end - entry.begin, data_start_ + entry.begin, file_);
  if (!direct) out.copy_(read);
}

void write_safetensors(const Path& file,
                       const std::vector<std::pair<std::string, at::Tensor>>& tensors) {
  std::map<std::string, at::Tensor> sorted(tensors.begin(), tensors.end());
  TUTTI_ASSERT(sorted.size() == tensors.size(), "two tensors of one name");
  nlohmann::json header;  // its keys are sorted too
  header["__metadata__"] = {{"format", "pt"}};
  std::uint64_t offset = 0;
  for (const auto& [name, tensor] : sorted) {
    const std::uint64_t end = offset + static_cast<std::uint64_t>(tensor.numel()) * sizeof(float);
    header[name] = {
        {"dtype", "F32"}, {"shape", tensor.sizes().vec()}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');  // data aligned for readers that map the file
  const std::uint64_t size = text.size();
  NewFile out(file);
  out.write(&size, sizeof size);
  out.write(text.data(), size);
  for (const auto& [name, tensor] : sorted) {
    const at::Tensor values = tensor.detach().to(at::kCPU, at::kFloat).contiguous();
    out.write(values.data_ptr(), static_cast<std::uint64_t>(values.numel()) * sizeof(float));
  }
  out.publish();
}

}  // namespace tutti
