#include "tutti/data/random.hpp"

#include "tutti/data/error.hpp"

#include <cmath>
#include <numbers>

namespace tutti {

namespace {
constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15ULL;
}

Random::Random(std::uint64_t seed, std::string_view name,
               std::initializer_list<std::uint64_t> indices)
    : key_(mix64(seed + kGolden)) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a over the name
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  key_ = mix64(key_ ^ hash);
  for (const std::uint64_t index : indices) key_ = mix64(key_ * 3 + mix64(index + kGolden));
  state_ = key_;
}

std::uint64_t Random::next() {
  state_ += kGolden;
  return mix64(state_);
}

double Random::uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

std::uint64_t Random::below(std::uint64_t n) {
  TUTTI_ASSERT(n > 0, "below(0)");
  const std::uint64_t reject = (0 - n) % n;  // 2^64 mod n: the uneven rest, drawn again
  std::uint64_t draw = next();
  while (draw < reject) draw = next();
  return draw % n;
}

double Random::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

}  // namespace tutti
