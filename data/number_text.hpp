#pragma once

#include <string>

namespace tutti {

/// The shortest text that reads back to the same double.
std::string shortest_text(double number);

}  // namespace tutti
