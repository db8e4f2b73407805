#include "tutti/train/attention.hpp"
#include "tutti/train/hf_config.hpp"
#include "tutti/train/layer_runner.hpp"
#include "tutti/train/layers.hpp"
#include "tutti/train/norm.hpp"
#include "tutti/train/torch_guard.hpp"

#include <cmath>

// GPT-2 as transformers' GPT2ForSequenceClassification and GPT2LMHeadModel compute it (Radford et
// al. 2019; pre-norm layers, learned positions, weights kept as [in, out]).

namespace tutti {

namespace {

constexpr std::int64_t kMany = 1 << 24;

struct Gpt2Config {
  HfConfig json;
  std::int64_t vocab, hidden, layers, heads, intermediate, positions, labels, pad;
  double embedding_dropout, attention_dropout, residual_dropout, epsilon;
  bool scaled, scaled_by_layer;
  Activation activation;

  explicit Gpt2Config(const std::string& text) : json(text) {
    vocab = json.integer({"vocab_size"}, 1, kMany);
    hidden = json.integer({"hidden_size", "n_embd"}, 1, kMany);
    layers = json.integer({"num_hidden_layers", "n_layer"}, 1, 10'000);
    heads = json.integer({"num_attention_heads", "n_head"}, 1, hidden);
    if (hidden % heads != 0) {
      config_error("n_head",
                   std::to_string(heads) + " does not divide n_embd " + std::to_string(hidden));
    }
    intermediate = json.integer({"intermediate_size", "n_inner"}, 4 * hidden, 1, kMany);
    positions = json.integer({"max_position_embeddings", "n_positions"}, 1024, 1, kMany);
    const double all = json.has("dropout") ? json.number({"dropout"}, 0, 0, 0.999) : -1.0;
    json.values().erase("dropout");
    for (const char* name : {"embd_pdrop", "attn_pdrop", "resid_pdrop"}) {
      if (all >= 0) json.values()[name] = all;
    }
    embedding_dropout = json.number({"embd_pdrop"}, 0.1, 0, 0.999);
    attention_dropout = json.number({"attn_pdrop"}, 0.1, 0, 0.999);
    residual_dropout = json.number({"resid_pdrop"}, 0.1, 0, 0.999);
    epsilon = json.number({"layer_norm_epsilon"}, 1e-5, 0, 1);
    activation = activation_by_name(json.text("activation_function", "gelu_new"));
    scaled = json.boolean("scale_attn_weights", true);
    scaled_by_layer = json.boolean("scale_attn_by_inverse_layer_idx", false);
    if (json.boolean("add_cross_attention", false)) {
      config_error("add_cross_attention", "true", "expected: false");
    }
    pad = json.token_id("pad_token_id");
    labels = json.take_labels();
    json.values().erase("num_key_value_heads");
    json.values().erase("n_ctx");
    json.finish("gpt2", "GPT2ForSequenceClassification");
  }
};

struct Gpt2Layer {
  Affine norm_1, attention, attention_output, norm_2, wide, narrow;
};

class Gpt2 final : public Model {
 public:
  Gpt2(const std::string& config, std::optional<std::uint64_t> seed)
      : config_(config), head_size_(config_.hidden / config_.heads), parameters_(seed) {
    const std::int64_t h = config_.hidden;
    words_ = parameters_.make("transformer.wte.weight", {config_.vocab, h});
    positions_ = parameters_.make("transformer.wpe.weight", {config_.positions, h});
    for (std::int64_t i = 0; i < config_.layers; ++i) {
      const std::string at = "transformer.h." + std::to_string(i) + ".";
      Gpt2Layer layer;
      layer.norm_1 = norm(at + "ln_1");
      layer.attention = transposed(at + "attn.c_attn", h, 3 * h);
      layer.attention_output = transposed(at + "attn.c_proj", h, h);
      layer.norm_2 = norm(at + "ln_2");
      layer.wide = transposed(at + "mlp.c_fc", h, config_.intermediate);
      layer.narrow = transposed(at + "mlp.c_proj", config_.intermediate, h);
      layers_.push_back(layer);
    }
    final_norm_ = norm("transformer.ln_f");
    score_ = {parameters_.make("score.weight", {config_.labels, h}), {}};
  }

  at::Tensor logits(const Batch& batch, const Pass& pass) override {
    return torch_guard("gpt2", [&] {
      if (batch.examples() == 0) return at::zeros({0, config_.labels}, words_.options());
      const Chosen last = last_tokens(batch, config_.pad, words_.device());
      return linear(encode(batch, pass, &last), score_, pass.bf16).to(at::kFloat);
    });
  }

  at::Tensor language_logits(const Batch& batch, std::span<const std::int64_t> positions,
                             const Pass& pass) override {
    return torch_guard("gpt2", [&] {
      if (positions.empty()) return at::zeros({0, config_.vocab}, words_.options());
      const std::vector<std::int64_t> wanted(positions.begin(), positions.end());
      const at::Tensor chosen =
          encode(batch, pass, nullptr).index_select(0, index_tensor(wanted, words_.device()));
      return linear(chosen, {words_, {}}, pass.bf16).to(at::kFloat);
    });
  }

  at::Tensor hidden(const Batch& batch, const Pass& pass) override {
    return torch_guard("gpt2", [&] { return encode(batch, pass, nullptr); });
  }

  [[nodiscard]] bool causal() const noexcept override { return true; }
  NamedTensors named_parameters() override { return parameters_.all(); }
  NamedTensors language_parameters() override { return {}; }
  [[nodiscard]] std::string config_json() const override { return config_.json.dump(); }

 private:
  Affine transposed(const std::string& name, std::int64_t from, std::int64_t to) {
    return {parameters_.make(name + ".weight", {from, to}), parameters_.make(name + ".bias", {to})};
  }

  Affine norm(const std::string& name) {
    return {parameters_.make(name + ".weight", {config_.hidden}),
            parameters_.make(name + ".bias", {config_.hidden})};
  }

  // q, k and v are columns of one weight: `count` of them from the `first` on.
  [[nodiscard]] Affine columns(const Affine& all, std::int64_t first, std::int64_t count) const {
    const std::int64_t h = config_.hidden;
    return {all.weight.narrow(1, first * h, count * h), all.bias.narrow(0, first * h, count * h)};
  }

  // [tokens, hidden] fp32 after the last norm, or [examples, hidden] of the chosen tokens
  at::Tensor encode(const Batch& batch, const Pass& pass, const Chosen* chosen) const {
    const Dropout dropout(batch, pass);
    const Layout layout(batch, words_.device(), config_.vocab, config_.positions, kMany);
    at::Tensor x = at::embedding(words_, layout.ids) + at::embedding(positions_, layout.positions);
    x = dropout.tokens(x, config_.embedding_dropout, 0);
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const bool last = i + 1 == layers_.size();
      x = run_layer(pass, i, x,
                    [=, this, own = Chosen::copy(last ? chosen : nullptr)](const at::Tensor& in) {
                      return apply(i, in, layout, pass, dropout, own ? &*own : nullptr);
                    });
    }
    return add_and_norm(x, {}, {final_norm_, config_.epsilon}, dropout, nullptr, false, true)
        .floats;
  }

  at::Tensor apply(std::size_t index, const at::Tensor& x, const Layout& layout, const Pass& pass,
                   const Dropout& dropout, const Chosen* chosen) const {
    const Gpt2Layer& layer = layers_[index];
    const int site = 8 * (static_cast<int>(index) + 1);
    const auto* places = Chosen::places(chosen);
    double scale = config_.scaled ? 1.0 / std::sqrt(static_cast<double>(head_size_)) : 1.0;
    if (config_.scaled_by_layer) scale /= static_cast<double>(index + 1);
    const Attention how{
        config_.heads, config_.heads, true, scale, config_.attention_dropout, site, {}, {}};
    const at::Tensor in =
        add_and_norm(x, {}, {layer.norm_1, config_.epsilon}, dropout, nullptr, pass.bf16, false)
            .factor();
    const at::Tensor mixed =
        chosen == nullptr
            ? attend(linear_transposed(in, layer.attention, pass.bf16), layout, dropout, how)
            : attend_chosen(linear_transposed(Chosen::of(in, chosen),
                                              columns(layer.attention, 0, 1), pass.bf16),
                            linear_transposed(in, columns(layer.attention, 1, 2), pass.bf16),
                            layout, dropout, how, *chosen);
    const Normed middle = add_and_norm(
        Chosen::of(x, chosen), linear_transposed(mixed, layer.attention_output, pass.bf16),
        {layer.norm_2, config_.epsilon, config_.residual_dropout, site + 1}, dropout, chosen,
        pass.bf16, false);
    const at::Tensor wide =
        config_.activation(linear_transposed(middle.factor(), layer.wide, pass.bf16));
    return middle.sum + dropout.tokens(linear_transposed(wide, layer.narrow, pass.bf16),
                                       config_.residual_dropout, site + 2, places);
  }

  Gpt2Config config_;
  std::int64_t head_size_;
  Parameters parameters_;
  at::Tensor words_, positions_;
  Affine final_norm_, score_;
  std::vector<Gpt2Layer> layers_;
};

const bool registered = ModelRegistry::add(
    "gpt2", "causal decoder, learned positions, pooled on the last token",
    [](const std::string& config, std::optional<std::uint64_t> seed) -> std::unique_ptr<Model> {
      return std::make_unique<Gpt2>(config, seed);
    });

}  // namespace

}  // namespace tutti
