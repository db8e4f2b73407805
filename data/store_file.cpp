#include "tutti/data/store_file.hpp"

#include "tutti/data/error.hpp"
#include "tutti/data/hdf5.hpp"

#include <nlohmann/json.hpp>

#include <bit>
#include <cstdint>
#include <span>
#include <utility>

namespace tutti {

namespace {

constexpr const char* kFormat = "tutti-dataset";
constexpr const char* kVersion = "1";

static_assert(std::endian::native == std::endian::little, "the fingerprint is over these bytes");
static_assert(sizeof(Part) == 1);

// A column's name as HDF5 can hold it: no slash, not empty, not a dot. The true one is in the JSON.
std::string link_name(const std::string& name) {
  if (name.empty()) return "%";
  if (name == ".") return "%2E";
  std::string out;
  for (const char c : name) {
    if (c == '/') {
      out += "%2F";
    } else if (c == '%') {
      out += "%25";
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::span<const std::uint8_t> bytes_of(const std::vector<Part>& parts) {
  return {reinterpret_cast<const std::uint8_t*>(parts.data()), parts.size()};
}

// Calls numbers(name, span) and text(name, strings) for every dataset, in the fixed order.
template <class Numbers, class Text>
void for_each_dataset(const StoreContent& content, Numbers numbers, Text text) {
  const Interactions& rows = content.interactions;
  numbers("/interactions/user", std::span(rows.user));
  numbers("/interactions/item", std::span(rows.item));
  numbers("/interactions/rating", std::span(rows.rating));
  numbers("/interactions/time", std::span(rows.time));
  numbers("/interactions/line", std::span(rows.line));
  numbers("/interactions/label", std::span(content.labels));
  numbers("/interactions/part", bytes_of(content.parts));
  text("/users/ids", rows.user_ids);
  for (std::size_t c = 0; c < rows.users.names.size(); ++c) {
    text("/users/columns/" + link_name(rows.users.names[c]), rows.users.columns[c]);
  }
  text("/items/ids", rows.item_ids);
  for (std::size_t c = 0; c < rows.items.names.size(); ++c) {
    text("/items/columns/" + link_name(rows.items.names[c]), rows.items.columns[c]);
  }
}

std::string names_json(const Table& table) { return nlohmann::json(table.names).dump(); }

Table read_table(const Hdf5Reader& file, const std::string& group, const std::string& names) {
  const nlohmann::json json = nlohmann::json::parse(file.attribute("/", names), nullptr, false);
  Table table;
  if (!json.is_array()) throw Error(Code::Data, "attribute " + names + " is not a list");
  for (const auto& name : json) {
    if (!name.is_string())
      throw Error(Code::Data, "attribute " + names + " is not a list of names");
    table.names.push_back(name.get<std::string>());
    table.columns.push_back(file.read_text(group + "/columns/" + link_name(table.names.back())));
  }
  return table;
}

}  // namespace

std::string fingerprint_of(const StoreContent& content) {
  std::string lines = "task " + content.task + "\n";
  lines += "user_columns " + names_json(content.interactions.users) + "\n";
  lines += "item_columns " + names_json(content.interactions.items) + "\n";
  const auto add = [&](const std::string& name, const auto& values) {
    const auto bytes = std::as_bytes(std::span(values));
    lines +=
        name + " " + sha256({reinterpret_cast<const char*>(bytes.data()), bytes.size()}) + "\n";
  };
  for_each_dataset(content, add, [&](const std::string& name, const auto& values) {
    std::string bytes;
    std::vector<std::int64_t> offsets = {0};
    for (const std::string& value : values) {
      bytes += value;
      offsets.push_back(static_cast<std::int64_t>(bytes.size()));
    }
    add(name + "/bytes", bytes);
    add(name + "/offsets", offsets);
  });
  return sha256(lines);
}

void write_store(const Path& file, const StoreContent& content, const std::string& fingerprint) {
  Hdf5Writer out;
  for_each_dataset(
      content,
      [&]<class T>(const std::string& name, std::span<const T> values) { out.write(name, values); },
      [&](const std::string& name, const std::vector<std::string>& values) {
        out.write_text(name, values);
      });
  out.attribute("/", "format", kFormat);
  out.attribute("/", "version", kVersion);
  out.attribute("/", "fingerprint", fingerprint);
  out.attribute("/", "task", content.task);
  out.attribute("/", "cleaning", content.cleaning);
  out.attribute("/", "source", content.source);
  out.attribute("/", "split", content.split);
  out.attribute("/", "user_columns", names_json(content.interactions.users));
  out.attribute("/", "item_columns", names_json(content.interactions.items));
  out.save(file);
}

std::string read_store(const Path& file, StoreContent& content) {
  const Hdf5Reader in(file);
  if (!in.has("/interactions/part") || in.attribute("/", "format") != kFormat) {
    throw Error(Code::Data, "not a tutti dataset: " + file.string());
  }
  const std::string version = in.attribute("/", "version");
  if (version != kVersion) {
    throw Error(Code::Data,
                file.string() + ": format version " + version + ", " + kVersion + " expected",
                "use the tutti that wrote it");
  }
  content.task = in.attribute("/", "task");
  content.cleaning = in.attribute("/", "cleaning");
  content.source = in.attribute("/", "source");
  content.split = in.attribute("/", "split");
  Interactions& rows = content.interactions;
  rows.user = in.read<std::int32_t>("/interactions/user");
  rows.item = in.read<std::int32_t>("/interactions/item");
  rows.rating = in.read<double>("/interactions/rating");
  rows.time = in.read<std::int64_t>("/interactions/time");
  rows.line = in.read<std::int64_t>("/interactions/line");
  content.labels = in.read<double>("/interactions/label");
  for (const std::uint8_t part : in.read<std::uint8_t>("/interactions/part")) {
    content.parts.push_back(static_cast<Part>(part));
  }
  rows.user_ids = in.read_text("/users/ids");
  rows.item_ids = in.read_text("/items/ids");
  rows.users = read_table(in, "/users", "user_columns");
  rows.items = read_table(in, "/items", "item_columns");
  return in.attribute("/", "fingerprint");
}

}  // namespace tutti
