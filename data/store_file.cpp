#include "tutti/data/store_file.hpp"

#include "tutti/data/error.hpp"
#include "tutti/data/hdf5.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

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

// Calls numbers(name, column) and text(name, strings) for every dataset, in the fixed order.
template <class Numbers, class Text>
void for_each_dataset(const StoreContent& content, Numbers numbers, Text text) {
  const Interactions& rows = content.interactions;
  numbers("/interactions/user", rows.user);
  numbers("/interactions/item", rows.item);
  numbers("/interactions/rating", rows.rating);
  numbers("/interactions/time", rows.time);
  numbers("/interactions/line", rows.line);
  numbers("/interactions/label", content.labels);
  numbers("/interactions/part", content.parts.as<std::uint8_t>());
  text("/users/ids", rows.user_ids);
  for (std::size_t c = 0; c < rows.users.names.size(); ++c) {
    text("/users/columns/" + link_name(rows.users.names[c]), rows.users.columns[c]);
  }
  text("/items/ids", rows.item_ids);
  for (std::size_t c = 0; c < rows.items.names.size(); ++c) {
    text("/items/columns/" + link_name(rows.items.names[c]), rows.items.columns[c]);
  }
}

template <class T>
std::string digest_of(const Column<T>& values) {
  Sha256 digest;
  std::vector<T> block;
  for (std::size_t first = 0; first < values.size(); first += Column<T>::kBlock) {
    block.resize(std::min(Column<T>::kBlock, values.size() - first));
    values.read(first, block);
    digest.update(block.data(), block.size() * sizeof(T));
  }
  return digest.hex();
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
  const auto add = [&](const std::string& name, const std::string& digest) {
    lines += name + " " + digest + "\n";
  };
  for_each_dataset(
      content, [&](const std::string& name, const auto& column) { add(name, digest_of(column)); },
      [&](const std::string& name, const std::vector<std::string>& values) {
        Sha256 bytes;
        Sha256 offsets;
        std::int64_t offset = 0;
        offsets.update(&offset, sizeof offset);
        for (const std::string& value : values) {
          bytes.update(value.data(), value.size());
          offset += static_cast<std::int64_t>(value.size());
          offsets.update(&offset, sizeof offset);
        }
        add(name + "/bytes", bytes.hex());
        add(name + "/offsets", offsets.hex());
      });
  return sha256(lines);
}

void write_store(const Path& file, const StoreContent& content, const std::string& fingerprint) {
  Hdf5Writer out(file);
  for_each_dataset(
      content, [&](const std::string& name, const auto& column) { out.write_column(name, column); },
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
  rows.user = in.column<std::int32_t>("/interactions/user");
  rows.item = in.column<std::int32_t>("/interactions/item");
  rows.rating = in.column<double>("/interactions/rating");
  rows.time = in.column<std::int64_t>("/interactions/time");
  rows.line = in.column<std::int64_t>("/interactions/line");
  content.labels = in.column<double>("/interactions/label");
  content.parts = in.column<std::uint8_t>("/interactions/part").as<Part>();
  rows.user_ids = in.read_text("/users/ids");
  rows.item_ids = in.read_text("/items/ids");
  rows.users = read_table(in, "/users", "user_columns");
  rows.items = read_table(in, "/items", "item_columns");
  return in.attribute("/", "fingerprint");
}

}  // namespace tutti
