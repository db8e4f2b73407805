#include "tutti/train/communicator.hpp"

#include "tutti/data/error.hpp"
#include "tutti/train/comm/tensor_check.hpp"
#include "tutti/train/translate.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace tutti {

namespace detail {

void check_collective_tensor(const at::Tensor& tensor) {
  TUTTI_ASSERT(tensor.defined() && tensor.is_contiguous(), "a collective needs contiguous values");
  const at::ScalarType type = tensor.scalar_type();
  TUTTI_ASSERT(
      type == at::kFloat || type == at::kDouble || type == at::kLong || type == at::kBFloat16,
      "a collective over a type that Communicator does not name");
}

void check_host_tensor(const at::Tensor& tensor) {
  check_collective_tensor(tensor);
  TUTTI_ASSERT(tensor.is_cpu(), "this group sums values in the memory of the host");
}

}  // namespace detail

std::vector<std::string> all_gather_strings(Communicator& group, const std::string& mine) {
  const auto ranks = static_cast<std::size_t>(group.world_size());
  const std::uint64_t my_size = mine.size();
  std::vector<std::uint64_t> sizes(ranks);
  group.all_gather(std::as_bytes(std::span(&my_size, 1)), std::as_writable_bytes(std::span(sizes)));
  const std::uint64_t longest = *std::max_element(sizes.begin(), sizes.end());
  std::vector<std::string> out(ranks);
  if (longest == 0) return out;

  std::vector<std::byte> padded(longest);
  std::memcpy(padded.data(), mine.data(), mine.size());
  std::vector<std::byte> all(longest * ranks);
  group.all_gather(padded, all);
  for (std::size_t r = 0; r < ranks; ++r) {
    out[r].assign(reinterpret_cast<const char*>(all.data() + r * longest), sizes[r]);
  }
  return out;
}

void agree(Communicator& group, const std::exception_ptr& mine) {
  // First byte: the code; the rest: the text. Nothing at all: all is well here.
  std::string message;
  if (mine) {
    const Error error = to_error(mine);
    message.push_back(static_cast<char>(error.code()));
    message += error.what();
  }
  const std::vector<std::string> all = all_gather_strings(group, message);
  for (std::size_t r = 0; r < all.size(); ++r) {
    if (all[r].empty()) continue;
    const auto code = static_cast<Code>(static_cast<unsigned char>(all[r][0]));
    const std::string where = all.size() > 1 ? "rank " + std::to_string(r) + ": " : "";
    throw Error(code, where + all[r].substr(1));
  }
}

}  // namespace tutti
