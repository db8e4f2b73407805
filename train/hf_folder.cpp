#include "tutti/train/hf_folder.hpp"

#include "tutti/data/cache.hpp"
#include "tutti/data/error.hpp"
#include "tutti/train/json_text.hpp"
#include "tutti/train/safetensors.hpp"

#include <set>

namespace tutti {

namespace {

constexpr std::uint64_t kMaxConfig = 16U << 20U;

bool is_folder(const Path& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

// The shards that the index names, each a plain name beside it: a path would lead out of the
// folder.
std::vector<Path> shards(const Path& folder, const Path& index) {
  const std::string where = index.string();
  const auto json = parse_json_object(read_file(index, kMaxConfig), where);
  const auto map = json.find("weight_map");
  if (map == json.end() || !map->is_object()) {
    throw Error(Code::Data, where + ": weight_map is missing");
  }
  std::set<std::string> names;
  for (const auto& [tensor, file] : map->items()) {
    const std::string name = file.is_string() ? file.get<std::string>() : "";
    if (name.empty() || Path(name).filename() != Path(name) || name == "..") {
      throw Error(Code::Data, where + ": weight_map: " + tensor + ": a file name expected, found " +
                                  brief(file));
    }
    names.insert(name);
  }
  std::vector<Path> out;
  for (const std::string& name : names) out.push_back(folder / name);
  return out;
}

std::vector<SafetensorsFile> open_weights(const Path& folder) {
  const Path single = folder / "model.safetensors";
  const Path index = folder / "model.safetensors.index.json";
  std::error_code error;
  std::vector<SafetensorsFile> out;
  if (std::filesystem::exists(single, error)) {
    out.push_back(SafetensorsFile::open(single));
  } else if (std::filesystem::exists(index, error)) {
    for (const Path& shard : shards(folder, index)) out.push_back(SafetensorsFile::open(shard));
  } else {
    throw Error(Code::Io, "no model.safetensors in " + folder.string(),
                "weights in other formats (pytorch_model.bin) are not read: convert them");
  }
  return out;
}

// The names under which a parameter may be saved, the most usual first.
std::vector<std::string> aliases(const std::string& name) {
  std::vector<std::string> out = {name};
  for (const std::string prefix : {"bert.", "transformer.", "model."}) {
    if (name.rfind(prefix, 0) == 0) out.push_back(name.substr(prefix.size()));
  }
  const std::size_t count = out.size();
  for (std::size_t i = 0; i < count; ++i) {
    for (const auto& [now, old] :
         {std::pair<std::string, std::string>{"LayerNorm.weight", "LayerNorm.gamma"},
          {"LayerNorm.bias", "LayerNorm.beta"}}) {
      const std::size_t at = out[i].rfind(now);
      if (at != std::string::npos && at + now.size() == out[i].size()) {
        out.push_back(out[i].substr(0, at) + old);
      }
    }
  }
  return out;
}

}  // namespace

Path resolve_folder(const std::string& name) {
  if (is_folder(name)) return name;
  const Path cache = cache_folder() / "models";
  // A name, not a path: it must not lead out of the cache.
  const bool plain = !name.empty() && Path(name).filename() == Path(name) && name != "..";
  if (plain && is_folder(cache / name)) return cache / name;
  throw Error(Code::Io, "no model '" + name + "': neither a folder nor in " + cache.string(),
              "give a Hugging Face folder, or run scripts/setup");
}

std::string read_config(const Path& folder) {
  return read_file(folder / "config.json", kMaxConfig);
}

std::vector<std::string> load_weights(const Path& folder, const NamedTensors& parameters,
                                      bool (*replaceable)(const std::string& name)) {
  const std::vector<SafetensorsFile> files = open_weights(folder);
  std::vector<std::string> missing;
  for (const auto& [name, value] : parameters) {
    bool found = false;
    for (const std::string& alias : aliases(name)) {
      for (const SafetensorsFile& file : files) {
        const auto entry = file.entries().find(alias);
        if (found || entry == file.entries().end()) continue;
        if (entry->second.shape != value.sizes().vec() && replaceable(name)) continue;
        at::Tensor target = value;  // shares the parameter's storage
        file.read_into(alias, target);
        found = true;
      }
    }
    if (!found) missing.push_back(name);
  }
  return missing;
}

}  // namespace tutti
