#include "tutti/train/attention.hpp"
#include "tutti/train/hf_config.hpp"
#include "tutti/train/layer_runner.hpp"
#include "tutti/train/layers.hpp"
#include "tutti/train/norm.hpp"
#include "tutti/train/torch_guard.hpp"

#include <cmath>

// Llama as transformers' LlamaForSequenceClassification and LlamaForCausalLM compute it (Touvron et
// al. 2023; RMS norms, rotary positions, grouped keys, gated feed-forward). SmolLM2 is one.

namespace tutti {

namespace {

constexpr std::int64_t kMany = 1 << 24;

struct LlamaConfig {
  HfConfig json;
  std::int64_t vocab, hidden, layers, heads, kv_heads, head_size, intermediate, positions, labels,
      pad;
  double attention_dropout, hidden_dropout, epsilon, theta;
  bool attention_bias, mlp_bias, tied;
  Activation activation;

  explicit LlamaConfig(const std::string& text) : json(text) {
    vocab = json.integer({"vocab_size"}, 1, kMany);
    hidden = json.integer({"hidden_size"}, 1, kMany);
    layers = json.integer({"num_hidden_layers"}, 1, 10'000);
    heads = json.integer({"num_attention_heads"}, 1, hidden);
    kv_heads = json.integer({"num_key_value_heads"}, heads, 1, heads);
    if (heads % kv_heads != 0) {
      config_error("num_key_value_heads", std::to_string(kv_heads) +
                                              " does not divide num_attention_heads " +
                                              std::to_string(heads));
    }
    if (hidden % heads != 0) {
      config_error("num_attention_heads", std::to_string(heads) + " does not divide hidden_size " +
                                              std::to_string(hidden));
    }
    head_size = json.integer({"head_dim"}, hidden / heads, 2, kMany);
    if (head_size % 2 != 0) config_error("head_dim", std::to_string(head_size) + " is odd");
    intermediate = json.integer({"intermediate_size"}, 4 * hidden, 1, kMany);
    positions = json.integer({"max_position_embeddings"}, 2048, 1, kMany);
    take_dropout();
    take_rope();
    epsilon = json.number({"rms_norm_eps"}, 1e-6, 0, 1);
    activation = activation_by_name(json.text("hidden_act", "silu"));
    attention_bias = json.boolean("attention_bias", false);
    mlp_bias = json.boolean("mlp_bias", false);
    tied = json.boolean("tie_word_embeddings", false);
    pad = json.token_id("pad_token_id");
    labels = json.take_labels();
    json.finish("llama", "LlamaForSequenceClassification");
  }

 private:
  // transformers' Llama drops attention only; hidden_dropout_prob is an addition of ours.
  void take_dropout() {
    if (json.has("dropout")) {
      const double p = json.number({"dropout"}, 0, 0, 0.999);
      json.values().erase("dropout");
      json.values()["attention_dropout"] = p;
      json.values()["hidden_dropout_prob"] = p;
    }
    attention_dropout = json.number({"attention_dropout"}, 0, 0, 0.999);
    hidden_dropout = json.number({"hidden_dropout_prob"}, 0, 0, 0.999);
  }

  // transformers 4: rope_theta and rope_scaling; 5: rope_parameters. Both are written.
  void take_rope() {
    theta = 10'000.0;
    std::string kind = "default";
    for (const char* name : {"rope_scaling", "rope_parameters"}) {
      if (!json.has(name)) continue;
      const nlohmann::json rope = json.values()[name];
      if (!rope.is_object()) config_error(name, "an object expected, found " + rope.dump());
      for (const char* key : {"type", "rope_type"}) {
        if (rope.contains(key) && rope[key].is_string()) kind = rope[key].get<std::string>();
      }
      if (rope.contains("rope_theta") && rope["rope_theta"].is_number()) {
        theta = rope["rope_theta"].get<double>();
      }
    }
    if (kind != "default") {
      config_error("rope_parameters", "rope_type '" + kind + "' is not supported",
                   "expected: default");
    }
    theta = json.number({"rope_theta"}, theta, 1.0, 1e12);
    json.values().erase("rope_scaling");
    json.values()["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", theta}};
  }
};

struct LlamaLayer {
  Affine input_norm, middle_norm, query, key, value, output, gate, up, down;
};

// Cosines and sines of every position and pair: [positions, head_size / 2] each.
struct Rotation {
  at::Tensor cos, sin;
};

class Llama final : public Model {
 public:
  Llama(const std::string& config, std::optional<std::uint64_t> seed)
      : config_(config), parameters_(seed), language_(seed) {
    const std::int64_t h = config_.hidden;
    words_ = parameters_.make("model.embed_tokens.weight", {config_.vocab, h});
    for (std::int64_t i = 0; i < config_.layers; ++i) make_layer(i);
    final_norm_.weight = parameters_.make("model.norm.weight", {h});
    score_ = {parameters_.make("score.weight", {config_.labels, h}), {}};
    output_ = {config_.tied ? words_ : language_.make("lm_head.weight", {config_.vocab, h}), {}};
  }

  at::Tensor logits(const Batch& batch, const Pass& pass) override {
    return torch_guard("llama", [&] {
      if (batch.examples() == 0) return at::zeros({0, config_.labels}, words_.options());
      const Chosen last = last_tokens(batch, config_.pad, words_.device());
      return linear(encode(batch, pass, &last), score_, pass.bf16).to(at::kFloat);
    });
  }

  at::Tensor language_logits(const Batch& batch, std::span<const std::int64_t> positions,
                             const Pass& pass) override {
    return torch_guard("llama", [&] {
      if (positions.empty()) return at::zeros({0, config_.vocab}, words_.options());
      const std::vector<std::int64_t> wanted(positions.begin(), positions.end());
      const at::Tensor chosen =
          encode(batch, pass, nullptr).index_select(0, index_tensor(wanted, words_.device()));
      return linear(chosen, output_, pass.bf16).to(at::kFloat);
    });
  }

  at::Tensor hidden(const Batch& batch, const Pass& pass) override {
    return torch_guard("llama", [&] { return encode(batch, pass, nullptr); });
  }

  [[nodiscard]] bool causal() const noexcept override { return true; }
  NamedTensors named_parameters() override { return parameters_.all(); }
  NamedTensors language_parameters() override { return language_.all(); }
  [[nodiscard]] std::string config_json() const override { return config_.json.dump(); }

 private:
  Affine affine(const std::string& name, std::int64_t to, std::int64_t from, bool bias) {
    Affine out;
    out.weight = parameters_.make(name + ".weight", {to, from});
    if (bias) out.bias = parameters_.make(name + ".bias", {to});
    return out;
  }

  void make_layer(std::int64_t index) {
    const std::string at = "model.layers." + std::to_string(index) + ".";
    const std::int64_t h = config_.hidden;
    const std::int64_t q = config_.heads * config_.head_size;
    const std::int64_t kv = config_.kv_heads * config_.head_size;
    const bool bias = config_.attention_bias;
    LlamaLayer layer;
    layer.input_norm.weight = parameters_.make(at + "input_layernorm.weight", {h});
    layer.query = affine(at + "self_attn.q_proj", q, h, bias);
    layer.key = affine(at + "self_attn.k_proj", kv, h, bias);
    layer.value = affine(at + "self_attn.v_proj", kv, h, bias);
    layer.output = affine(at + "self_attn.o_proj", h, q, bias);
    layer.middle_norm.weight = parameters_.make(at + "post_attention_layernorm.weight", {h});
    layer.gate = affine(at + "mlp.gate_proj", config_.intermediate, h, config_.mlp_bias);
    layer.up = affine(at + "mlp.up_proj", config_.intermediate, h, config_.mlp_bias);
    layer.down = affine(at + "mlp.down_proj", h, config_.intermediate, config_.mlp_bias);
    layers_.push_back(layer);
  }

  [[nodiscard]] Rotation rotation(const Layout& layout) const {
    const auto options = words_.options().requires_grad(false);
    const at::Tensor even = at::arange(0, config_.head_size, 2, options);
    const at::Tensor inverse = at::pow(config_.theta, even / config_.head_size).reciprocal();
    const at::Tensor angles = at::arange(layout.longest(), options).unsqueeze(1) * inverse;
    return {angles.cos(), angles.sin()};
  }

  // [tokens, hidden] fp32 after the last norm, or [examples, hidden] of the chosen tokens
  at::Tensor encode(const Batch& batch, const Pass& pass, const Chosen* chosen) const {
    const Dropout dropout(batch, pass);
    const Layout layout(batch, words_.device(), config_.vocab, config_.positions, kMany);
    const Rotation turn = rotation(layout);
    at::Tensor x = dropout.tokens(at::embedding(words_, layout.ids), config_.hidden_dropout, 0);
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const bool last = i + 1 == layers_.size();
      x = run_layer(pass, i, x,
                    [=, this, own = Chosen::copy(last ? chosen : nullptr)](const at::Tensor& in) {
                      return apply(layers_[i], in, layout, turn, pass, dropout,
                                   8 * (static_cast<int>(i) + 1), own ? &*own : nullptr);
                    });
    }
    return add_and_norm(x, {}, {final_norm_, config_.epsilon}, dropout, nullptr, false, true)
        .floats;
  }

  at::Tensor apply(const LlamaLayer& layer, const at::Tensor& x, const Layout& layout,
                   const Rotation& turn, const Pass& pass, const Dropout& dropout, int site,
                   const Chosen* chosen) const {
    const bool bf16 = pass.bf16;
    const auto* places = Chosen::places(chosen);
    const at::Tensor in =
        add_and_norm(x, {}, {layer.input_norm, config_.epsilon}, dropout, nullptr, bf16, false)
            .factor();
    const Attention how{config_.heads,
                        config_.kv_heads,
                        true,
                        1.0 / std::sqrt(static_cast<double>(config_.head_size)),
                        config_.attention_dropout,
                        site,
                        turn.cos,
                        turn.sin};
    const at::Tensor mixed =
        chosen == nullptr
            ? attend(linear(in, together({layer.query, layer.key, layer.value}), bf16), layout,
                     dropout, how)
            : attend_chosen(linear(Chosen::of(in, chosen), layer.query, bf16),
                            linear(in, together({layer.key, layer.value}), bf16), layout, dropout,
                            how, *chosen);
    const Normed middle =
        add_and_norm(Chosen::of(x, chosen), linear(mixed, layer.output, bf16),
                     {layer.middle_norm, config_.epsilon, config_.hidden_dropout, site + 1},
                     dropout, chosen, bf16, false);
    const auto wide = linear(middle.factor(), together({layer.gate, layer.up}), bf16).chunk(2, 1);
    return middle.sum +
           dropout.tokens(linear(config_.activation(wide[0]) * wide[1], layer.down, bf16),
                          config_.hidden_dropout, site + 2, places);
  }

  LlamaConfig config_;
  Parameters parameters_;
  Parameters language_;
  at::Tensor words_;
  Affine final_norm_, score_, output_;
  std::vector<LlamaLayer> layers_;
};

const bool registered = ModelRegistry::add(
    "llama", "causal decoder, rotary positions, grouped keys, pooled on the last token",
    [](const std::string& config, std::optional<std::uint64_t> seed) -> std::unique_ptr<Model> {
      return std::make_unique<Llama>(config, seed);
    });

}  // namespace

}  // namespace tutti
