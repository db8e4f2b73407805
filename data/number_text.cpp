#include "tutti/data/number_text.hpp"

#include <array>
#include <charconv>

namespace tutti {

std::string shortest_text(double number) {
  std::array<char, 32> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr};
}

}  // namespace tutti
