#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tutti {

/// Position of the first byte that is not well-formed UTF-8 (Unicode 15, table 3-7: no surrogates,
/// no overlong forms, nothing above U+10FFFF), or npos.
std::size_t find_bad_utf8(std::string_view bytes) noexcept;

/// Each maximal ill-formed part becomes one U+FFFD, as Python's errors="replace" does.
std::string repair_utf8(std::string_view bytes);

/// ISO 8859-1 to UTF-8: every byte is a character.
std::string latin1_to_utf8(std::string_view bytes);

}  // namespace tutti
