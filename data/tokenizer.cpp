#include "tutti/data/tokenizer.hpp"

#include "tutti/data/tokenizers/format.hpp"

#include <filesystem>
#include <unordered_map>

namespace tutti {

namespace {

using tokenizers::Json;
using Files = std::map<std::string, std::string>;

Files read_folder(const Path& folder) {
  Files out;
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
                           "vocab.txt", "vocab.json", "merges.txt"}) {
    std::error_code ignored;
    if (std::filesystem::exists(folder / name, ignored)) out[name] = read_file(folder / name);
  }
  return out;
}

// The object in a side file, or an empty one where there is none.
Json side_file(const Files& files, const char* name, const Path& folder) {
  const auto found = files.find(name);
  if (found == files.end()) return Json::object();
  Json out = tokenizers::parse_json(found->second, (folder / name).string());
  if (!out.is_object()) {
    throw Error(Code::Data, (folder / name).string() + ": an object was expected");
  }
  return out;
}

SpecialTokens find_special(const tokenizers::Pipeline& parts, const Json& root,
                           const std::vector<Json>& sources) {
  std::unordered_map<std::string_view, TokenId> ids;
  for (const std::string& token : parts.tokens) {
    ids.emplace(token, static_cast<TokenId>(&token - parts.tokens.data()));
  }
  const auto id_of = [&](const Json& name) {
    const Json& text = name.is_object() && name.contains("content") ? name["content"] : name;
    const auto found = text.is_string() ? ids.find(text.get_ref<const std::string&>()) : ids.end();
    return found == ids.end() ? TokenId{-1} : found->second;
  };
  // Named in a side file, else by custom.
  const auto find = [&](std::initializer_list<const char*> keys,
                        std::initializer_list<const char*> customary) {
    for (const char* key : keys) {
      for (const Json& source : sources) {
        if (source.contains(key) && id_of(source[key]) >= 0) return id_of(source[key]);
      }
    }
    for (const char* text : customary) {
      if (id_of(text) >= 0) return id_of(text);
    }
    return TokenId{-1};
  };
  SpecialTokens out;
  out.pad = find({"pad_token"}, {"[PAD]", "<pad>"});
  out.begin = find({"cls_token", "bos_token"}, {"[CLS]", "<s>", "<bos>"});
  out.end = find({"sep_token", "eos_token"}, {"[SEP]", "</s>", "<eos>", "<|endoftext|>"});
  out.mask = find({"mask_token"}, {"[MASK]", "<mask>"});
  out.unknown = find({"unk_token"}, {});
  const Json& model = root.at("model");
  if (out.unknown < 0 && model.contains("unk_token")) out.unknown = id_of(model["unk_token"]);
  return out;
}

}  // namespace

namespace tokenizers {

std::unique_ptr<Tokenizer> from_files(Files files, const Path& folder) {
  const Json config = side_file(files, "tokenizer_config.json", folder);
  const Json map = side_file(files, "special_tokens_map.json", folder);
  const auto where = [&](const char* name) { return (folder / name).string(); };
  Json root;
  std::string source = where("tokenizer.json");
  if (files.count("tokenizer.json") != 0) {
    root = parse_json(files["tokenizer.json"], source);
  } else if (files.count("vocab.txt") != 0) {
    source = where("vocab.txt");
    root = from_vocab_txt(files["vocab.txt"], source, config);
  } else if (files.count("vocab.json") != 0 && files.count("merges.txt") != 0) {
    source = where("vocab.json");
    root = from_vocab_json(files["vocab.json"], source, files["merges.txt"], where("merges.txt"),
                           config);
  } else {
    throw Error(Code::Io,
                "no tokenizer in " + folder.string() +
                    ": neither tokenizer.json nor vocab.txt nor vocab.json with merges.txt",
                "check the path");
  }
  Pipeline parts = read_format(Node{root, source + ":"});
  parts.special = find_special(parts, root, {config, map});
  if (files.count("tokenizer.json") == 0) files["tokenizer.json"] = root.dump(1);
  for (const char* key : {"truncation", "padding", "decoder"}) root.erase(key);
  parts.digest = sha256(root.dump());
  parts.files = std::move(files);
  return make_tokenizer(std::move(parts));
}

}  // namespace tokenizers

std::unique_ptr<Tokenizer> load_tokenizer(const Path& folder) {
  return tokenizers::from_files(read_folder(folder), folder);
}

}  // namespace tutti
