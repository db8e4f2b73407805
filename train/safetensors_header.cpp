#include "tutti/data/error.hpp"
#include "tutti/train/json_text.hpp"
#include "tutti/train/safetensors.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace tutti {

namespace {

using nlohmann::json;

constexpr std::size_t kMaxRank = 16;
constexpr std::uint64_t kLimit = std::numeric_limits<std::int64_t>::max();

struct Dtype {
  const char* name;
  std::uint64_t bytes;
};

constexpr std::array<Dtype, 15> kDtypes = {{{"BOOL", 1},
                                            {"U8", 1},
                                            {"I8", 1},
                                            {"F8_E4M3", 1},
                                            {"F8_E5M2", 1},
                                            {"I16", 2},
                                            {"U16", 2},
                                            {"F16", 2},
                                            {"BF16", 2},
                                            {"I32", 4},
                                            {"U32", 4},
                                            {"F32", 4},
                                            {"I64", 8},
                                            {"U64", 8},
                                            {"F64", 8}}};

[[noreturn]] void bad(const std::string& where, const std::string& tensor, const std::string& what,
                      const std::string& hint = "the file is damaged: fetch it again") {
  throw Error(Code::Data, where + ": tensor '" + tensor + "': " + what, hint);
}

std::uint64_t unsigned_number(const json& value, const std::string& where,
                              const std::string& tensor, const std::string& field) {
  if (!value.is_number_unsigned()) {
    bad(where, tensor, field + ": a whole number >= 0 expected, found " + brief(value));
  }
  return value.get<std::uint64_t>();
}

std::uint64_t dtype_bytes(const json& fields, const std::string& where, const std::string& tensor) {
  const auto found = fields.find("dtype");
  if (found == fields.end() || !found->is_string()) bad(where, tensor, "dtype is missing");
  const std::string& name = found->get_ref<const std::string&>();
  for (const Dtype& dtype : kDtypes) {
    if (name == dtype.name) return dtype.bytes;
  }
  bad(where, tensor, "dtype: unknown type '" + name + "'", "expected F32, F16 or BF16");
}

// Fills in the shape; gives its size in bytes, each step checked for overflow.
std::uint64_t read_shape(const json& fields, std::uint64_t bytes, const std::string& where,
                         const std::string& tensor, std::vector<std::int64_t>& shape) {
  const auto found = fields.find("shape");
  if (found == fields.end() || !found->is_array()) bad(where, tensor, "shape is missing");
  if (found->size() > kMaxRank) {
    bad(where, tensor,
        "shape: " + std::to_string(found->size()) + " dimensions, at most " +
            std::to_string(kMaxRank) + " expected");
  }
  std::uint64_t product = bytes;
  bool empty = false;
  for (const json& entry : *found) {
    const std::uint64_t size = unsigned_number(entry, where, tensor, "shape");
    if (size > kLimit) bad(where, tensor, "shape: " + brief(*found) + " overflows");
    shape.push_back(static_cast<std::int64_t>(size));
    empty = empty || size == 0;
    // A zero does not excuse an overflow before or after it: strides are products too.
    if (size != 0 && product > kLimit / size) {
      bad(where, tensor, "shape: " + brief(*found) + " overflows");
    }
    if (size != 0) product *= size;
  }
  return empty ? 0 : product;
}

TensorEntry read_entry(const std::string& name, const json& fields, std::uint64_t data_bytes,
                       const std::string& where) {
  if (!fields.is_object()) bad(where, name, "an object expected, found " + brief(fields));
  for (const auto& [key, value] : fields.items()) {
    if (key != "dtype" && key != "shape" && key != "data_offsets") {
      bad(where, name, "unknown field '" + key + "'");
    }
  }
  TensorEntry entry;
  const std::uint64_t bytes = dtype_bytes(fields, where, name);
  entry.dtype = fields["dtype"].get<std::string>();
  const std::uint64_t size = read_shape(fields, bytes, where, name, entry.shape);
  const auto offsets = fields.find("data_offsets");
  if (offsets == fields.end() || !offsets->is_array() || offsets->size() != 2) {
    bad(where, name, "data_offsets: two numbers expected");
  }
  entry.begin = unsigned_number((*offsets)[0], where, name, "data_offsets");
  entry.end = unsigned_number((*offsets)[1], where, name, "data_offsets");
  if (entry.begin > entry.end) bad(where, name, "data_offsets: reversed: " + brief(*offsets));
  if (entry.end > data_bytes) {
    bad(where, name,
        "data_offsets: " + brief(*offsets) + " end behind the data, which has " +
            std::to_string(data_bytes) + " bytes");
  }
  if (entry.end - entry.begin != size) {
    bad(where, name,
        "data_offsets: " + brief(*offsets) + " hold " + std::to_string(entry.end - entry.begin) +
            " bytes, shape " + shape_text(entry.shape) + " of " + entry.dtype + " needs " +
            std::to_string(size));
  }
  return entry;
}

void check_layout(const TensorEntries& entries, std::uint64_t data_bytes,
                  const std::string& where) {
  std::vector<const TensorEntries::value_type*> order;
  order.reserve(entries.size());
  for (const auto& entry : entries) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return std::pair(a->second.begin, a->second.end) < std::pair(b->second.begin, b->second.end);
  });
  std::uint64_t at = 0;
  for (const auto* entry : order) {
    if (entry->second.begin != at) {
      bad(where, entry->first,
          std::string("data_offsets: ") + (entry->second.begin > at ? "a hole" : "an overlap") +
              ": begins at " + std::to_string(entry->second.begin) + ", " + std::to_string(at) +
              " expected");
    }
    at = entry->second.end;
  }
  if (at != data_bytes) {
    throw Error(Code::Data,
                where + ": " + std::to_string(data_bytes) +
                    " bytes of data, the header describes " + std::to_string(at),
                "the file is damaged: fetch it again");
  }
}

void check_metadata(const json& metadata, const std::string& where) {
  bool good = metadata.is_object();
  if (good) {
    for (const auto& [key, value] : metadata.items()) good = good && value.is_string();
  }
  if (!good) throw Error(Code::Data, where + ": __metadata__: text values expected");
}

}  // namespace

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string out = "[";
  for (const std::int64_t size : shape) {
    if (out.size() > 1) out += ", ";
    out += std::to_string(size);
  }
  return out + "]";
}

TensorEntries parse_safetensors_header(std::string_view header, std::uint64_t data_bytes,
                                       const std::string& where) {
  if (header.empty() || header.front() != '{') {
    throw Error(Code::Data, where + ": the header does not begin with '{'",
                "is this a safetensors file?");
  }
  const json parsed = parse_json_object(header, where);
  TensorEntries entries;
  for (const auto& [name, fields] : parsed.items()) {
    if (name == "__metadata__") {
      check_metadata(fields, where);
    } else {
      entries.emplace(name, read_entry(name, fields, data_bytes, where));
    }
  }
  check_layout(entries, data_bytes, where);
  return entries;
}

}  // namespace tutti
