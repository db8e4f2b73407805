// parity_store: makes a store and shows it, for tests/parity/test_store.py.
//   parity_store OPTIONS.json
// OPTIONS.json: source, path, task, split, output (the store's file), and history, statistics for
// the texts. Prints the cleaning report on the first line, then, if "show" is true, a JSON line for
// every training example (part 0), validation example (1) and test example (2).
#include "tutti/data/cleaning.hpp"
#include "tutti/data/error.hpp"
#include "tutti/data/files.hpp"
#include "tutti/data/store.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <exception>
#include <string>

namespace {

void show(const tutti::Dataset& view, int part) {
  for (tutti::Row i = 0; i < view.size(); ++i) {
    const tutti::Example example = view.get(i);
    const nlohmann::json json = {
        {"part", part},         {"row", example.row},        {"label", example.label},
        {"text", example.text}, {"pair", example.text_pair}, {"sources", example.sources}};
    std::printf("%s\n", json.dump().c_str());
  }
}

void run(const char* file) {
  const nlohmann::json json = nlohmann::json::parse(tutti::read_file(file));
  tutti::DataOptions options;
  options.source = json.at("source");
  options.path = json.at("path");
  options.task = json.at("task");
  options.split.by = json.at("split");
  options.cleaning.rating_min = 0.5;
  const tutti::Path output = json.at("output").get<std::string>();
  std::printf("%s\n", tutti::to_json(tutti::build_store(options, 1, output)).c_str());
  const tutti::Store store = tutti::Store::open(output);
  tutti::MemberData member;
  member.history = json.at("history");
  member.statistics = json.at("statistics");
  const auto training = tutti::training_view(store, member, 1, "parity");
  tutti::check_leaks(store, *training, "parity");
  if (!json.at("show").get<bool>()) return;
  show(*training, 0);
  show(*tutti::evaluation_view(store, tutti::Part::Validation, member), 1);
  show(*tutti::evaluation_view(store, tutti::Part::Test, member), 2);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  try {
    run(argv[1]);
  } catch (const tutti::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 70;
  }
  return 0;
}
