#pragma once

#include "tutti/data/files.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace at {
class Tensor;
}

namespace tutti {

/// Where a tensor lies in a safetensors file.
struct TensorEntry {
  std::string dtype;  ///< as in the file: F32, BF16, I64, ...
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;  ///< bytes from the start of the data, which follows the header
  std::uint64_t end = 0;
};

using TensorEntries = std::map<std::string, TensorEntry>;

/// Parses the JSON header of a safetensors file whose data part has `data_bytes` bytes, and checks
/// everything that can be wrong with it: JSON, repeated names, types, shapes whose product
/// overflows, sizes, and that the tensors fill the data without holes or overlaps. Throws
/// Error(Data) naming `where`, the tensor, the field and the value.
/// Format: https://huggingface.co/docs/safetensors ("Format").
TensorEntries parse_safetensors_header(std::string_view header, std::uint64_t data_bytes,
                                       const std::string& where);

/// An open safetensors file. Nothing is allocated for tensors before the whole header is checked.
/// Move-only; one thread at a time.
class SafetensorsFile {
 public:
  /// Throws Error(Io) for a file that cannot be read, Error(Data) for one that is broken.
  static SafetensorsFile open(const Path& file);
  SafetensorsFile(SafetensorsFile&& other) noexcept;
  SafetensorsFile& operator=(SafetensorsFile&&) = delete;
  ~SafetensorsFile();

  [[nodiscard]] const TensorEntries& entries() const noexcept { return entries_; }
  /// Reads F32, F16 or BF16 into `out`, fp32 of the same shape (any device). Throws Error(Data) for
  /// a missing tensor, another shape, or a type that does not hold such numbers.
  void read_into(const std::string& name, at::Tensor& out) const;

 private:
  SafetensorsFile(Path file, int descriptor) : file_(std::move(file)), descriptor_(descriptor) {}

  Path file_;
  int descriptor_;
  std::uint64_t data_start_ = 0;
  TensorEntries entries_;
};

/// Writes tensors as F32, sorted by name: the same tensors give the same bytes. Atomic, as
/// write_file. Throws Error(Io).
void write_safetensors(const Path& file,
                       const std::vector<std::pair<std::string, at::Tensor>>& tensors);

/// "[2, 3]": a shape in an error message.
std::string shape_text(const std::vector<std::int64_t>& shape);

}  // namespace tutti
