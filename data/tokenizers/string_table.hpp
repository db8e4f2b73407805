#pragma once

#include "tutti/data/tokenizer.hpp"

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace tutti::tokenizers {

/// FNV-1a, one byte more: the hash of a prefix leads to that of the next longer one, which is what
/// longest-match search needs.
constexpr std::uint64_t kEmptyHash = 0xcbf29ce484222325ULL;
constexpr std::uint64_t hash_step(std::uint64_t hash, char byte) noexcept {
  return (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
}
constexpr std::uint64_t hash_of(std::string_view text) noexcept {
  std::uint64_t hash = kEmptyHash;
  for (const char byte : text) hash = hash_step(hash, byte);
  return hash;
}

/// Text to token id by open addressing: one probe is one cache line, no key is allocated.
class StringTable {
 public:
  explicit StringTable(std::size_t expected = 16) {
    std::size_t size = 16;
    while (size < 2 * expected) size *= 2;
    slots_.resize(size);
  }

  /// False, and nothing changed, when the text is there already.
  bool insert(std::string_view text, TokenId id) {
    if (2 * (count_ + 1) > slots_.size()) grow();
    const std::uint64_t hash = hash_of(text);
    Slot& slot = slots_[place(text, hash)];
    if (slot.id >= 0) return false;
    slot = {static_cast<std::uint32_t>(hash >> 32), static_cast<std::uint32_t>(bytes_.size()),
            static_cast<std::uint32_t>(text.size()), id};
    bytes_ += text;
    count_ += 1;
    return true;
  }

  /// The id of the text, or -1. The second form takes hash_of(text) from the caller.
  [[nodiscard]] TokenId find(std::string_view text) const { return find(text, hash_of(text)); }
  [[nodiscard]] TokenId find(std::string_view text, std::uint64_t hash) const {
    return slots_[place(text, hash)].id;
  }

  [[nodiscard]] std::size_t size() const noexcept { return count_; }

 private:
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
    TokenId id = -1;
  };

  // FNV's low bits mix poorly: fold the high half in.
  [[nodiscard]] std::size_t first(std::uint64_t hash) const noexcept {
    return (hash ^ hash >> 32) & (slots_.size() - 1);
  }

  [[nodiscard]] std::size_t place(std::string_view text, std::uint64_t hash) const {
    const auto tag = static_cast<std::uint32_t>(hash >> 32);
    for (std::size_t i = first(hash);; i = (i + 1) & (slots_.size() - 1)) {
      const Slot& slot = slots_[i];
      if (slot.id < 0) return i;
      if (slot.tag == tag && slot.length == text.size() &&
          std::memcmp(bytes_.data() + slot.offset, text.data(), text.size()) == 0) {
        return i;
      }
    }
  }

  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.id < 0) continue;
      const std::string_view text(bytes_.data() + slot.offset, slot.length);
      slots_[place(text, hash_of(text))] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::string bytes_;
  std::size_t count_ = 0;
};

}  // namespace tutti::tokenizers
