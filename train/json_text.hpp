#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace tutti {

/// A JSON object. Throws Error(Data) naming `where` for text that is not valid JSON, holds a key
/// twice in one object (two readers must never see two meanings), is nested so deeply that it can
/// only be meant to harm, or is not an object.
nlohmann::json parse_json_object(std::string_view text, const std::string& where);

/// The value as text for an error line, cut when it is long.
std::string brief(const nlohmann::json& value);

}  // namespace tutti
