#include "tutti/train/two_tower.hpp"

#include "tutti/data/error.hpp"
#include "tutti/train/json_text.hpp"
#include "tutti/train/safetensors.hpp"
#include "tutti/train/torch_guard.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <utility>

namespace tutti {

namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxJson = 1U << 20U;
constexpr std::int64_t kMany = 1 << 24;
constexpr double kUsualDeviation = 0.02;  // of draw_initial

std::int64_t width_of(const Model& model) {
  const json config = json::parse(model.config_json());
  for (const char* name : {"hidden_size", "n_embd"}) {
    if (config.contains(name)) return config[name].get<std::int64_t>();
  }
  throw Error(Code::Data, "config.json: hidden_size is missing");
}

bool is_classifier(const std::string& name) {
  return name.rfind("classifier.", 0) == 0 || name.rfind("score.", 0) == 0;
}

std::string bytes_of(const Batch& texts, std::size_t text) {
  const auto begin = static_cast<std::size_t>(texts.offsets[text]);
  const auto end = static_cast<std::size_t>(texts.offsets[text + 1]);
  return {reinterpret_cast<const char*>(texts.ids.data() + begin), (end - begin) * sizeof(TokenId)};
}

// The means of runs of texts of equal length, a view and a sum each. [texts, hidden]
at::Tensor mean_over_texts(const at::Tensor& hidden, const Batch& texts) {
  const auto length = [&](std::size_t t) { return texts.offsets[t + 1] - texts.offsets[t]; };
  std::vector<at::Tensor> means;
  std::vector<std::int64_t> run_tokens;
  std::vector<std::int64_t> run_texts;
  for (std::size_t t = 0; t < texts.rows.size(); ++t) {
    if (t == 0 || length(t) != length(t - 1)) {
      run_tokens.push_back(0);
      run_texts.push_back(0);
    }
    run_tokens.back() += length(t);
    ++run_texts.back();
  }
  const auto runs = hidden.split_with_sizes(run_tokens);
  means.reserve(runs.size());
  for (std::size_t r = 0; r < runs.size(); ++r) {
    means.push_back(
        runs[r].view({run_texts[r], run_tokens[r] / run_texts[r], hidden.size(1)}).mean(1));
  }
  return at::cat(means);
}

}  // namespace

void EncodingCache::enter_step(std::uint64_t key) {
  if (step_ > 0 && key == key_) return;
  key_ = key;
  ++step_;
  std::erase_if(entries_, [&](const auto& entry) { return step_ - entry.second.step > steps_; });
}

const at::Tensor* EncodingCache::find(const std::string& text) const {
  const auto found = entries_.find(text);
  // One of this very step came from another micro-batch: its gradient is needed here too.
  if (found == entries_.end() || found->second.step == step_) return nullptr;
  return &found->second.encoding;
}

void EncodingCache::put(const std::string& text, at::Tensor encoding) {
  entries_[text] = {std::move(encoding), step_};
}

TwoTower::TwoTower(std::unique_ptr<Model> backbone, int num_labels, const TowerOptions& options,
                   std::optional<std::uint64_t> seed)
    : backbone_(std::move(backbone)),
      options_(options),
      num_labels_(num_labels),
      parameters_(seed),
      cache_(options.cache_steps) {
  if (options.size < 1 || options.cache_steps < 0) {
    throw Error(Code::Config,
                "two towers of size " + std::to_string(options.size) + ", encodings kept for " +
                    std::to_string(options.cache_steps) + " steps",
                "a size of at least 1 and steps of at least 0 are expected");
  }
  const std::int64_t hidden = width_of(*backbone_);
  const auto projection = [&](const std::string& name) {
    return Affine{parameters_.make(name + ".weight", {options.size, hidden}),
                  parameters_.make(name + ".bias", {options.size})};
  };
  user_ = projection("user");
  item_ = projection("item");
  scale_ = parameters_.make("scale", {num_labels});
  bias_ = parameters_.make("bias", {num_labels});
  if (!seed) return;
  // Vectors start about as long as what they are made from; classes go from low to high.
  const at::NoGradGuard no_grad;
  for (const Affine& side : {user_, item_}) {
    at::Tensor weight = side.weight;
    weight.mul_(1.0 / (kUsualDeviation * std::sqrt(static_cast<double>(hidden))));
  }
  scale_.copy_(num_labels == 1 ? at::ones({1}) : at::linspace(-1, 1, num_labels));
}

NamedTensors TwoTower::backbone_parameters() {
  NamedTensors out;
  for (auto& parameter : backbone_->named_parameters()) {
    if (!is_classifier(parameter.first)) out.push_back(std::move(parameter));
  }
  return out;
}

NamedTensors TwoTower::named_parameters() {
  NamedTensors out = backbone_parameters();
  for (const auto& [name, value] : parameters_.all()) out.emplace_back("towers." + name, value);
  return out;
}

std::string TwoTower::config_json() const {
  json config = json::parse(backbone_->config_json());
  for (json& name : config["architectures"]) {
    std::string text = name.get<std::string>();
    const std::string head = "ForSequenceClassification";
    if (const auto at = text.find(head); at != std::string::npos) {
      name = text.replace(at, head.size(), "Model");
    }
  }
  return config.dump(2) + "\n";
}

at::Tensor TwoTower::hidden(const Batch& batch, const Pass& pass) {
  return backbone_->hidden(batch, pass);
}

at::Tensor TwoTower::language_logits(const Batch& batch, std::span<const std::int64_t> positions,
                                     const Pass& pass) {
  return backbone_->language_logits(batch, positions, pass);
}

at::Tensor TwoTower::encode(const Batch& texts, const Pass& pass) {
  return mean_over_texts(backbone_->hidden(texts, pass), texts);
}

at::Tensor TwoTower::compare(const at::Tensor& encoded, const std::vector<std::int64_t>& user_text,
                             const std::vector<std::int64_t>& item_text) const {
  // Every text is projected once, as what it is not too: cheaper than to look which is which.
  const at::Tensor users =
      linear(encoded, user_, false).index_select(0, index_tensor(user_text, encoded.device()));
  const at::Tensor items =
      linear(encoded, item_, false).index_select(0, index_tensor(item_text, encoded.device()));
  const at::Tensor product = (users * items).sum(1, /*keepdim=*/true);
  return product * (scale_ / std::sqrt(static_cast<double>(options_.size))) + bias_;
}

at::Tensor TwoTower::encode_with_cache(const SharedBatch& batch, const Pass& pass) {
  cache_.enter_step(pass.dropout_key);
  const auto texts = static_cast<std::size_t>(batch.texts.examples());
  Batch fresh;
  std::vector<at::Tensor> kept;
  std::vector<std::int64_t> fresh_of(texts, -1);
  std::vector<std::int64_t> kept_of(texts, -1);
  for (std::size_t t = 0; t < texts; ++t) {
    const at::Tensor* known =
        batch.is_user[t] != 0 ? nullptr : cache_.find(bytes_of(batch.texts, t));
    if (known == nullptr) {
      fresh_of[t] = fresh.examples();
      append_text(fresh, batch.texts, t);
    } else {
      kept_of[t] = static_cast<std::int64_t>(kept.size());
      kept.push_back(*known);
    }
  }
  at::Tensor encoded;
  if (fresh.examples() > 0) encoded = encode(fresh, pass);
  std::vector<std::int64_t> place(texts);
  for (std::size_t t = 0; t < texts; ++t) {
    place[t] = fresh_of[t] >= 0 ? fresh_of[t] : fresh.examples() + kept_of[t];
    if (fresh_of[t] >= 0 && batch.is_user[t] == 0) {
      cache_.put(bytes_of(batch.texts, t), encoded[fresh_of[t]].detach().clone());
    }
  }
  if (kept.empty()) return encoded;
  const at::Tensor old = at::stack(kept);
  const at::Tensor all = encoded.defined() ? at::cat({encoded, old}) : old;
  return all.index_select(0, index_tensor(place, all.device()));
}

at::Tensor TwoTower::logits(const Batch& batch, const Pass& pass) {
  return torch_guard("two-tower", [&] {
    if (batch.examples() == 0) return at::zeros({0, num_labels_}, scale_.options());
    const SharedBatch shared = share_texts(batch, options_.share);
    const bool cached = pass.training && cache_.enabled();
    return compare(cached ? encode_with_cache(shared, pass) : encode(shared.texts, pass),
                   shared.user_text, shared.item_text);
  });
}

void TwoTower::write_files(const Path& folder) {
  write_file(folder / "config.json", config_json());
  write_safetensors(folder / "model.safetensors", backbone_parameters());
  write_safetensors(folder / "towers.safetensors", tower_parameters());
  const nlohmann::ordered_json towers = {
      {"kind", "two-tower"},
      {"size", options_.size},
      {"num_labels", num_labels_},
      {"no_user_text", kNoUserText},
      {"formula",
       "m(text) = mean of last_hidden_state over all tokens; u = user.weight m(user text) + "
       "user.bias; v = item.weight m(item text) + item.bias; logits = scale * (u . v) / "
       "sqrt(size) + bias"}};
  write_file(folder / "towers.json", towers.dump(2) + "\n");
}

std::unique_ptr<Model> make_two_tower(std::unique_ptr<Model> backbone, int num_labels,
                                      const TowerOptions& options,
                                      std::optional<std::uint64_t> seed) {
  return torch_guard("make two towers", [&] {
    return std::make_unique<TwoTower>(std::move(backbone), num_labels, options, seed);
  });
}

std::unique_ptr<Model> read_towers(std::unique_ptr<Model> backbone, const Path& folder) {
  const Path file = folder / "towers.json";
  if (!std::filesystem::exists(file)) return backbone;
  const json towers = parse_json_object(read_file(file, kMaxJson), file.string());
  const auto integer = [&](const char* key) {
    const auto found = towers.find(key);
    const bool fits = found != towers.end() && found->is_number_integer() &&
                      found->get<std::int64_t>() >= 1 && found->get<std::int64_t>() <= kMany;
    if (fits) return static_cast<int>(found->get<std::int64_t>());
    throw Error(Code::Data, file.string() + ": " + key +
                                ": a whole number of at least 1 expected, found " +
                                (found == towers.end() ? "none" : brief(*found)));
  };
  TowerOptions options;
  options.size = integer("size");
  auto out =
      std::make_unique<TwoTower>(std::move(backbone), integer("num_labels"), options, std::nullopt);
  const SafetensorsFile weights = SafetensorsFile::open(folder / "towers.safetensors");
  for (auto [name, value] : out->tower_parameters()) weights.read_into(name, value);
  return out;
}

}  // namespace tutti
