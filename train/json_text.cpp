#include "tutti/train/json_text.hpp"

#include "tutti/data/error.hpp"

#include <set>
#include <vector>

namespace tutti {

namespace {

constexpr int kMaxDepth = 64;  // dump() recurses
constexpr std::size_t kBrief = 100;

}  // namespace

nlohmann::json parse_json_object(std::string_view text, const std::string& where) {
  using Json = nlohmann::json;
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  std::string twice;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > kMaxDepth) throw Error(Code::Data, where + ": JSON nested too deeply");
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
  } catch (const Json::out_of_range&) {
    throw Error(Code::Data, where + ": a number is too large");
  }
  if (!twice.empty()) throw Error(Code::Data, where + ": key '" + twice + "' stands twice");
  if (!out.is_object()) throw Error(Code::Data, where + ": a JSON object expected");
  return out;
}

std::string brief(const nlohmann::json& value) {
  const std::string text = value.dump();
  return text.size() <= kBrief ? text : text.substr(0, kBrief) + "...";
}

}  // namespace tutti
