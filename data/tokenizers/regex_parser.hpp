#pragma once

#include "tutti/data/tokenizers/regex.hpp"

namespace tutti::tokenizers {

/// The alternatives of a pattern. Throws Error(Data) beginning with `where`.
std::vector<Regex::Branch> parse_regex(std::string_view pattern, const std::string& where);

}  // namespace tutti::tokenizers
