#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <utility>

namespace tutti {

/// A named random stream. The same (seed, name, indices) gives the same numbers on every machine,
/// in every order of use of other streams: what a member draws does not depend on which members ran
/// before it, or on which rank.
///
/// Generator: splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators",
/// OOPSLA 2014) over a counter. Not thread-safe; copy it, or name another.
class Random {
 public:
  /// `name` says what the numbers are for ("shuffle", "init"); `indices` which of them (member,
  /// epoch, ...).
  Random(std::uint64_t seed, std::string_view name,
         std::initializer_list<std::uint64_t> indices = {});

  [[nodiscard]] std::uint64_t next();
  /// Uniform in [0, 1), 53 bits.
  [[nodiscard]] double uniform();
  /// Uniform in 0 .. n-1, unbiased; n > 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t n);
  /// Standard normal (Box-Muller, one of the pair).
  [[nodiscard]] double normal();

  /// Fisher-Yates.
  template <class T>
  void shuffle(std::span<T> values) {
    for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
  }

  /// A 64-bit mix of all that names the stream: seeds a generator of another library, or a
  /// counter-based one.
  [[nodiscard]] std::uint64_t key() const noexcept { return key_; }

 private:
  std::uint64_t key_;
  std::uint64_t state_;
};

/// The finaliser of splitmix64: a bijection of 64-bit words that mixes every bit.
[[nodiscard]] constexpr std::uint64_t mix64(std::uint64_t z) noexcept {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace tutti
