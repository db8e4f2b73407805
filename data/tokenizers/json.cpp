#include "tutti/data/tokenizers/json.hpp"

#include <string_view>
#include <unordered_set>
#include <vector>

namespace tutti::tokenizers {

Json parse_json(const std::string& bytes, const std::string& file) {
  std::vector<std::unordered_set<std::string>> open;  // the keys of each object that is not done
  const auto watch = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) {
      open.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      open.pop_back();
    } else if (event == Json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!open.back().insert(key).second) {
        throw Error(Code::Data, file + ": '" + key + "' stands twice in one object",
                    "keep one of them");
      }
    }
    return true;
  };
  try {
    return Json::parse(bytes, watch);
  } catch (const Json::parse_error& error) {
    // "[json.exception.parse_error.101] parse error at line 3, column 5: ..."
    std::string_view text = error.what();
    const std::size_t at = text.find("at line");
    if (at != std::string_view::npos) text.remove_prefix(at + 3);
    throw Error(Code::Data, file + ": broken JSON: " + std::string(text),
                "the file may be cut short: fetch it again");
  }
}

}  // namespace tutti::tokenizers
