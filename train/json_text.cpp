#include "tutti/train/json_text.hpp"

#include "tutti/data/error.hpp"

#include <set>
#include <vector>

namespace tutti {

nlohmann::json parse_json_object(std::string_view text, const std::string& where) {
  using Json = nlohmann::json;
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  std::string twice;
  const auto watch = [&](int, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && twice.empty()) {
      const std::string& key = value.get_ref<const std::string&>();
      if (!keys.back().insert(key).second) twice = key;
    }
    return true;
  };
  Json out;
  try {
    out = Json::parse(text.begin(), text.end(), watch);
  } catch (const Json::parse_error& error) {
    throw Error(Code::Data,
                where + ": not valid JSON at byte " + std::to_string(error.byte) + " of " +
                    std::to_string(text.size()),
                "is the file whole?");
  }
  if (!twice.empty()) throw Error(Code::Data, where + ": key '" + twice + "' stands twice");
  if (!out.is_object()) throw Error(Code::Data, where + ": a JSON object expected");
  return out;
}

}  // namespace tutti
