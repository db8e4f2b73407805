#include "tutti/train/model.hpp"

#include "tutti/data/error.hpp"
#include "tutti/train/hf_config.hpp"
#include "tutti/train/hf_folder.hpp"
#include "tutti/train/safetensors.hpp"
#include "tutti/train/torch_guard.hpp"
#include "tutti/train/two_tower.hpp"

#include <algorithm>
#include <system_error>

namespace tutti {

namespace {

using nlohmann::json;

// The layer that belongs to a task and not to the language: fresh where a folder has none that
// fits.
bool is_classifier(const std::string& name) {
  return name.rfind("classifier.", 0) == 0 || name.rfind("score.", 0) == 0;
}

// A masked language model is saved without its pooler.
bool is_pooler(const std::string& name) { return name.find(".pooler.") != std::string::npos; }

// What model.safetensors holds.
NamedTensors folder_parameters(Model& model) {
  return model.towers() == nullptr ? model.named_parameters()
                                   : model.towers()->backbone_parameters();
}

bool never(const std::string&) { return false; }

// Errors of config.json do not know which one: say it. What a user chose (`from_options`) is the
// configuration's fault, what a file holds is the file's.
std::unique_ptr<Model> make_from_config(const json& config, std::optional<std::uint64_t> seed,
                                        const std::string& where, bool from_options = false) {
  const auto type = config.find("model_type");
  if (type == config.end() || !type->is_string()) {
    throw Error(Code::Data, where + ": config.json: model_type is missing",
                "is this a transformers model?");
  }
  try {
    return ModelRegistry::make(type->get<std::string>(), config.dump(), seed);
  } catch (const Error& error) {
    throw Error(from_options ? Code::Config : error.code(), where + ": " + error.what());
  }
}

void check_vocabulary(const Tokenizer& tokenizer, Model& model, const std::string& where) {
  const auto vocab = json::parse(model.config_json()).value("vocab_size", std::int64_t{0});
  if (tokenizer.vocab_size() > vocab) {
    throw Error(Code::Data,
                where + ": the tokenizer has " + std::to_string(tokenizer.vocab_size()) +
                    " tokens, the model's embedding " + std::to_string(vocab),
                "give the tokenizer that belongs to the model");
  }
}

[[noreturn]] void missing_tensor(const Path& folder, const std::string& name) {
  throw Error(Code::Data,
              (folder / "model.safetensors").string() + ": tensor '" + name + "' is missing",
              "does config.json belong to these weights?");
}

bool saved_as_masked_lm(const json& config) {
  const auto names = config.find("architectures");
  return names != config.end() && names->dump().find("ForMaskedLM") != std::string::npos;
}

// Draws what the folder need not hold; anything else that is missing is an error.
void draw_missing(const Path& folder, Model& model, const std::vector<std::string>& missing,
                  bool no_pooler, std::uint64_t seed) {
  for (auto& [name, value] : model.named_parameters()) {
    if (std::find(missing.begin(), missing.end(), name) == missing.end()) continue;
    if (!is_classifier(name) && !(no_pooler && is_pooler(name))) missing_tensor(folder, name);
    draw_initial(name, value, seed);
  }
}

void load_language(const Path& folder, Model& model, std::uint64_t seed) {
  const auto parameters = model.language_parameters();
  const auto missing = load_weights(folder, parameters, never);
  for (auto [name, value] : parameters) {
    if (std::find(missing.begin(), missing.end(), name) != missing.end()) {
      draw_initial(name, value, seed);
    }
  }
}

void keep_layers(json& config, int layers, const std::string& where) {
  const char* own = config.contains("n_layer") ? "n_layer" : "num_hidden_layers";
  const auto found = config.find(own);
  if (found != config.end() && found->is_number_integer() && found->get<std::int64_t>() < layers) {
    throw Error(Code::Config, where + ": the model has " + found->dump() + " layers, " +
                                  std::to_string(layers) + " were asked for");
  }
  config[own] = layers;
}

// transformers takes several texts at a time only with a padding token (GPT-2 has none of its own).
void set_pad_token(json& config, const SpecialTokens& special) {
  const auto known = config.find("pad_token_id");
  if (known != config.end() && !known->is_null()) return;
  const TokenId pad = special.pad >= 0 ? special.pad : special.end;
  if (pad >= 0) config["pad_token_id"] = pad;
}

ModelAndTokenizer from_folder(const BackboneOptions& options, int num_labels,
                              const std::string& problem_type, std::uint64_t seed) {
  const Path folder = resolve_folder(options.folder);
  json config = HfConfig(read_config(folder)).values();
  const bool no_pooler = saved_as_masked_lm(config);
  if (options.layers > 0) keep_layers(config, options.layers, folder.string());
  if (options.dropout >= 0) config["dropout"] = options.dropout;
  config["num_labels"] = num_labels;
  config["problem_type"] = problem_type;
  ModelAndTokenizer out;
  out.tokenizer = load_tokenizer(folder);
  set_pad_token(config, out.tokenizer->special());
  out.model = make_from_config(config, std::nullopt, folder.string());
  check_vocabulary(*out.tokenizer, *out.model, folder.string());
  const auto missing = load_weights(folder, out.model->named_parameters(), is_classifier);
  draw_missing(folder, *out.model, missing, no_pooler, seed);
  load_language(folder, *out.model, seed);
  return out;
}

ModelAndTokenizer from_scratch(const BackboneOptions& options, int num_labels,
                               const std::string& problem_type, std::uint64_t seed,
                               std::span<const std::string> texts) {
  ModelAndTokenizer out;
  if (options.tokenizer.empty()) {
    throw Error(Code::Config, "backbone: a model from scratch needs a tokenizer",
                "set tokenizer to \"train\" or to a folder with one");
  }
  if (options.tokenizer == "train") {
    out.tokenizer = train_bpe(texts, options.vocab_size);
  } else {
    out.tokenizer = load_tokenizer(resolve_folder(options.tokenizer));
  }
  const SpecialTokens& special = out.tokenizer->special();
  json config = {
      {"model_type", options.type},
      {"vocab_size", out.tokenizer->vocab_size()},
      {"hidden_size", options.hidden},
      {"num_hidden_layers", options.layers > 0 ? options.layers : 6},
      {"num_attention_heads", options.heads},
      {"num_key_value_heads", options.kv_heads > 0 ? options.kv_heads : options.heads},
      {"intermediate_size", options.intermediate > 0 ? options.intermediate : 4 * options.hidden},
      {"max_position_embeddings", options.max_positions},
      {"dropout", std::max(0.0, options.dropout)},
      {"tie_word_embeddings", true},
      {"num_labels", num_labels},
      {"problem_type", problem_type}};
  const auto id_or_null = [](TokenId id) { return id < 0 ? json() : json(id); };
  config["pad_token_id"] = id_or_null(special.pad);
  // A vocabulary of our own has no begin token: <eos> stands for both.
  config["bos_token_id"] = id_or_null(special.begin < 0 ? special.end : special.begin);
  config["eos_token_id"] = id_or_null(special.end);
  out.model = make_from_config(config, seed, "backbone", true);
  return out;
}

}  // namespace

ModelAndTokenizer make_model(const BackboneOptions& options, int num_labels,
                             const std::string& problem_type, std::uint64_t seed,
                             std::span<const std::string> texts) {
  return torch_guard("make model", [&] {
    if (!options.folder.empty()) return from_folder(options, num_labels, problem_type, seed);
    return from_scratch(options, num_labels, problem_type, seed, texts);
  });
}

void Model::write_files(const Path& folder) {
  write_file(folder / "config.json", config_json());
  write_safetensors(folder / "model.safetensors", named_parameters());
}

void save_model(Model& model, const Tokenizer& tokenizer, const Path& to) {
  torch_guard("save model", [&] {
    const Path folder = to.has_filename() ? to : to.parent_path();  // "members/a/" is "members/a"
    const Path temporary = temporary_name(folder);
    std::error_code ignored;
    std::filesystem::remove_all(temporary, ignored);
    make_folder(temporary);
    try {
      model.write_files(temporary);
      tokenizer.save(temporary);
      publish_folder(temporary, folder);
    } catch (...) {
      std::filesystem::remove_all(temporary, ignored);
      throw;
    }
  });
}

ModelAndTokenizer load_model(const Path& folder) {
  return torch_guard("load model", [&] {
    ModelAndTokenizer out;
    out.model =
        make_from_config(HfConfig(read_config(folder)).values(), std::nullopt, folder.string());
    out.model = read_towers(std::move(out.model), folder);
    const auto missing = load_weights(folder, folder_parameters(*out.model), never);
    if (!missing.empty()) missing_tensor(folder, missing.front());
    load_language(folder, *out.model, 0);
    out.tokenizer = load_tokenizer(folder);
    check_vocabulary(*out.tokenizer, *out.model, folder.string());
    return out;
  });
}

ModelSize model_size(Model& model) {
  ModelSize size;
  for (const auto& [name, value] : model.named_parameters()) size.parameters += value.numel();
  const json config = json::parse(model.config_json());
  const char* layers = config.contains("n_layer") ? "n_layer" : "num_hidden_layers";
  size.trainable_layers = config.value(layers, std::int64_t{0});
  return size;
}

}  // namespace tutti
