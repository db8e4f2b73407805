#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace tutti {

/// A JSON object. Throws Error(Data) naming `where` for text that is not valid JSON, holds a key
/// twice in one object, or is not an object: two readers must never see two meanings.
nlohmann::json parse_json_object(std::string_view text, const std::string& where);

}  // namespace tutti
