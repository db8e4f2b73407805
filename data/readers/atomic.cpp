#include "tutti/data/csv.hpp"
#include "tutti/data/error.hpp"
#include "tutti/data/readers/source_builder.hpp"
#include "tutti/data/utf8.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

namespace tutti {
namespace {

constexpr CsvFormat kAtomic = {'\t', false, false};

// "movie_title:token_seq" -> "movie_title"; the type has to be one that RecBole knows.
std::vector<std::string> typed_header(CsvFile& file) {
  static constexpr std::array kTypes = {"token", "token_seq", "float", "float_seq"};
  std::vector<std::string> fields;
  file.next(fields);
  for (std::string& field : fields) {
    const std::size_t colon = field.rfind(':');
    const std::string type = colon == std::string::npos ? "" : field.substr(colon + 1);
    if (std::find(kTypes.begin(), kTypes.end(), type) == kTypes.end()) {
      throw Error(
          Code::Data,
          file.file().string() + ":1: column '" + repair_utf8(field) + "' has no known type",
          "write NAME:TYPE with token, token_seq, float or float_seq");
    }
    field.resize(colon);
  }
  check_header(fields, file.where());
  return fields;
}

// Names of the MovieLens attributes as all other readers give them.
std::string common_name(const std::string& name, const std::vector<std::string>& all) {
  static constexpr std::array<std::array<const char*, 2>, 3> kNames = {
      {{"movie_title", "title"}, {"release_year", "year"}, {"class", "genres"}}};
  for (const auto& [from, to] : kNames) {
    if (name == from && std::find(all.begin(), all.end(), to) == all.end()) return to;
  }
  return name;
}

void read_table(const Path& path, const std::string& id_name, bool items, SourceBuilder& builder) {
  if (!std::filesystem::exists(path)) return;  // both tables are optional in the format
  CsvFile file(path, kAtomic);
  const std::vector<std::string> header = typed_header(file);
  const std::size_t id = find_column(header, id_name, path);
  std::vector<std::string> names;
  for (std::size_t c = 0; c < header.size(); ++c) {
    if (c != id) names.push_back(items ? common_name(header[c], header) : header[c]);
  }
  if (items) builder.item_columns(names);
  if (!items) builder.user_columns(names);
  std::vector<std::string> fields;
  while (builder.next(file, header.size(), fields, items ? "items" : "users")) {
    const std::string entity = fields[id];
    fields.erase(fields.begin() + static_cast<std::ptrdiff_t>(id));
    if (items) builder.describe_item(entity, fields, file);
    if (!items) builder.describe_user(entity, fields, file);
  }
}

// The .inter file that `path` means: itself, the one named like the folder, or the only one in it.
Path inter_file(const Path& path) {
  if (!std::filesystem::is_directory(path)) return path;
  const Path folder = path.has_filename() ? path : path.parent_path();
  Path named = folder / (std::filesystem::absolute(folder).filename().string() + ".inter");
  if (std::filesystem::exists(named)) return named;
  std::vector<Path> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".inter") found.push_back(entry.path());
  }
  if (found.size() != 1) {
    throw Error(
        Code::Io,
        std::to_string(found.size()) + " .inter files in " + folder.string() + ", one expected",
        "set data.path to the .inter file itself");
  }
  return found.front();
}

/// RecBole atomic files: NAME.inter, and NAME.item and NAME.user where there are any. Columns are
/// found by the names of options.csv, which are RecBole's own by default.
class Atomic : public Reader {
 public:
  explicit Atomic(const DataOptions& options) : options_(options) {
    if (options.path.empty()) {
      throw Error(Code::Config, "data.path is empty", "set it to a folder with a .inter file");
    }
  }
  [[nodiscard]] Source read() const override {
    return read_atomic(inter_file(options_.path), options_);
  }

 private:
  DataOptions options_;
};

const bool registered = ReaderRegistry::add(
    "atomic", "RecBole atomic files: .inter, .item, .user",
    [](const DataOptions& options) { return std::make_unique<Atomic>(options); });

}  // namespace

Source read_atomic(const Path& inter, const DataOptions& options) {
  SourceBuilder builder(options.cleaning);
  read_table(Path(inter).replace_extension(".item"), options.csv.item, true, builder);
  read_table(Path(inter).replace_extension(".user"), options.csv.user, false, builder);
  CsvFile file(inter, kAtomic);
  const std::vector<std::string> header = typed_header(file);
  const std::size_t user = find_column(header, options.csv.user, inter);
  const std::size_t item = find_column(header, options.csv.item, inter);
  const auto optional = [&](const std::string& name) {
    return static_cast<std::size_t>(std::find(header.begin(), header.end(), name) - header.begin());
  };
  const std::size_t rating = optional(options.csv.rating);
  const std::size_t time = optional(options.csv.time);
  std::vector<std::string> fields;
  while (builder.next_interaction(file, header.size(), fields)) {
    builder.add(fields[user], fields[item], rating < fields.size() ? &fields[rating] : nullptr,
                time < fields.size() ? &fields[time] : nullptr, file);
  }
  return builder.finish(inter);
}

}  // namespace tutti
