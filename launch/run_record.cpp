#include "tutti/launch/run_record.hpp"

#include "tutti/launch/version.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <ctime>

namespace tutti {

namespace {

using Json = nlohmann::ordered_json;

Json counts(const std::vector<std::pair<std::string, std::int64_t>>& rows) {
  Json out = Json::object();
  for (const auto& [reason, count] : rows) out[reason] = count;
  return out;
}

std::string now() {
  const std::time_t time = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

}  // namespace

void write_record(const Path& file, const Config& config, const RunRecord& record) {
  Json members = Json::array();
  for (const Done& done : record.members) {
    Json member = {{"name", config.members[static_cast<std::size_t>(done.member)].name},
                   {"state", done.trained ? "trained" : "failed"}};
    if (!done.trained) {
      member["reason"] = done.reason;
      member["code"] = done.code;
      member["step"] = done.step;
    }
    member["parameters"] = done.parameters;
    member["training_rows"] = done.training_rows;
    member["steps"] = done.steps;
    member["last_loss"] = done.last_loss;
    member["ranks"] = done.ranks;
    member["seconds"] = done.seconds;
    members.push_back(std::move(member));
  }
  const Json json = {{"state", record.state},
                     {"name", config.experiment.name},
                     {"written", now()},
                     {"tutti", tutti_version()},
                     {"torch", torch_version()},
                     {"build", build_description()},
                     {"accelerators", accelerators()},
                     {"config_sha256", record.config_sha256},
                     {"data_fingerprint", record.fingerprint},
                     {"host", record.host},
                     {"ranks", record.ranks},
                     {"threads", record.threads},
                     {"cleaning",
                      {{"read", record.cleaning.read},
                       {"kept", record.cleaning.kept},
                       {"dropped", counts(record.cleaning.dropped)},
                       {"repaired", counts(record.cleaning.repaired)}}},
                     {"members", members},
                     {"idle", record.idle},
                     {"seconds",
                      {{"data", record.data_seconds},
                       {"training", record.training_seconds},
                       {"ensemble", record.ensemble_seconds}}}};
  write_file(file, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

std::string cleaning_text(const CleaningReport& report) {
  std::string out =
      std::to_string(report.read) + " rows read, " + std::to_string(report.kept) + " kept";
  const auto list = [&](const char* word, const auto& rows) {
    const char* separator = word;
    for (const auto& [reason, count] : rows) {
      if (count == 0) continue;
      out += separator + std::to_string(count) + " " + reason;
      separator = ", ";
    }
  };
  list("; dropped: ", report.dropped);
  list("; repaired: ", report.repaired);
  return out;
}

}  // namespace tutti
