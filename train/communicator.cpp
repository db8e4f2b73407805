#include "tutti/train/communicator.hpp"

#include "tutti/data/error.hpp"
#include "tutti/train/translate.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace tutti {

namespace {

class Done final : public Pending {
 public:
  bool test() override { return true; }
  void wait() override {}
};

}  // namespace

std::unique_ptr<Pending> nothing_pending() { return std::make_unique<Done>(); }

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
