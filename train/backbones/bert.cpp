#include "tutti/train/attention.hpp"
#include "tutti/train/hf_config.hpp"
#include "tutti/train/layer_runner.hpp"
#include "tutti/train/layers.hpp"
#include "tutti/train/norm.hpp"
#include "tutti/train/torch_guard.hpp"

#include <cmath>

// BERT as transformers' BertForSequenceClassification and BertForMaskedLM compute it (Devlin et al.
// 2018; post-norm layers, learned positions, pooler on the first token).

namespace tutti {

namespace {

constexpr std::int64_t kMany = 1 << 24;

struct BertConfig {
  HfConfig json;
  std::int64_t vocab, hidden, layers, heads, intermediate, positions, types, labels;
  double hidden_dropout, attention_dropout, classifier_dropout, epsilon;
  Activation activation;

  explicit BertConfig(const std::string& text) : json(text) {
    vocab = json.integer({"vocab_size"}, 1, kMany);
    hidden = json.integer({"hidden_size"}, 1, kMany);
    layers = json.integer({"num_hidden_layers"}, 1, 10'000);
    heads = json.integer({"num_attention_heads"}, 1, hidden);
    if (hidden % heads != 0) {
      config_error("num_attention_heads", std::to_string(heads) + " does not divide hidden_size " +
                                              std::to_string(hidden));
    }
    intermediate = json.integer({"intermediate_size"}, 4 * hidden, 1, kMany);
    positions = json.integer({"max_position_embeddings"}, 512, 1, kMany);
    types = json.integer({"type_vocab_size"}, 2, 1, kMany);
    take_dropout();
    epsilon = json.number({"layer_norm_eps"}, 1e-12, 0, 1);
    activation = activation_by_name(json.text("hidden_act", "gelu"));
    const std::string kind = json.text("position_embedding_type", "absolute");
    if (kind != "absolute") config_error("position_embedding_type", kind, "expected: absolute");
    if (json.boolean("is_decoder", false))
      config_error("is_decoder", "a decoder BERT", "expected: false");
    labels = json.take_labels();
    json.values().erase("num_key_value_heads");
    json.finish("bert", "BertForSequenceClassification");
  }

  void take_dropout() {
    if (json.has("dropout")) {
      const double p = json.number({"dropout"}, 0, 0, 0.999);
      json.values().erase("dropout");
      json.values()["hidden_dropout_prob"] = p;
      json.values()["attention_probs_dropout_prob"] = p;
      json.values().erase("classifier_dropout");
    }
    hidden_dropout = json.number({"hidden_dropout_prob"}, 0.1, 0, 0.999);
    attention_dropout = json.number({"attention_probs_dropout_prob"}, 0.1, 0, 0.999);
    classifier_dropout = hidden_dropout;
    if (json.has("classifier_dropout")) {
      classifier_dropout = json.number({"classifier_dropout"}, 0, 0, 0.999);
    }
  }
};

struct BertLayer {
  Affine query, key, value, attention_output, attention_norm, intermediate, output, output_norm;
};

class Bert final : public Model {
 public:
  Bert(const std::string& config, std::optional<std::uint64_t> seed)
      : config_(config),
        head_size_(config_.hidden / config_.heads),
        parameters_(seed),
        language_(seed) {
    const std::int64_t h = config_.hidden;
    const std::string e = "bert.embeddings.";
    words_ = parameters_.make(e + "word_embeddings.weight", {config_.vocab, h});
    positions_ = parameters_.make(e + "position_embeddings.weight", {config_.positions, h});
    types_ = parameters_.make(e + "token_type_embeddings.weight", {config_.types, h});
    embedding_norm_ = norm(parameters_, e + "LayerNorm");
    for (std::int64_t i = 0; i < config_.layers; ++i) make_layer(i);
    pooler_ = affine(parameters_, "bert.pooler.dense", h, h);
    classifier_ = affine(parameters_, "classifier", config_.labels, h);
    transform_ = affine(language_, "cls.predictions.transform.dense", h, h);
    transform_norm_ = norm(language_, "cls.predictions.transform.LayerNorm");
    decoder_bias_ = language_.make("cls.predictions.bias", {config_.vocab});
  }

  at::Tensor logits(const Batch& batch, const Pass& pass) override {
    return torch_guard("bert", [&] {
      if (batch.examples() == 0) return at::zeros({0, config_.labels}, words_.options());
      const Dropout dropout(batch, pass);
      const Chosen first = first_tokens(batch, words_.device());
      const at::Tensor cls = encode(batch, pass, dropout, &first);
      const at::Tensor pooled = linear(cls, pooler_, pass.bf16).to(at::kFloat).tanh();
      const at::Tensor kept =
          dropout.tokens(pooled, config_.classifier_dropout, 1, Chosen::places(&first));
      return linear(kept, classifier_, pass.bf16).to(at::kFloat);
    });
  }

  at::Tensor language_logits(const Batch& batch, std::span<const std::int64_t> positions,
                             const Pass& pass) override {
    return torch_guard("bert", [&] {
      if (positions.empty()) return at::zeros({0, config_.vocab}, words_.options());
      const at::Tensor hidden = encode(batch, pass, Dropout(batch, pass), nullptr);
      const std::vector<std::int64_t> wanted(positions.begin(), positions.end());
      const at::Tensor chosen = hidden.index_select(0, index_tensor(wanted, words_.device()));
      const at::Tensor dense = config_.activation(linear(chosen, transform_, pass.bf16));
      const at::Tensor normed = layer_norm(dense, transform_norm_, config_.epsilon);
      return linear(normed, {words_, decoder_bias_}, pass.bf16).to(at::kFloat);
    });
  }

  at::Tensor hidden(const Batch& batch, const Pass& pass) override {
    return torch_guard("bert", [&] { return encode(batch, pass, Dropout(batch, pass), nullptr); });
  }

  [[nodiscard]] bool causal() const noexcept override { return false; }
  NamedTensors named_parameters() override { return parameters_.all(); }
  NamedTensors language_parameters() override { return language_.all(); }
  [[nodiscard]] std::string config_json() const override { return config_.json.dump(); }

 private:
  static Affine affine(Parameters& in, const std::string& name, std::int64_t to,
                       std::int64_t from) {
    return {in.make(name + ".weight", {to, from}), in.make(name + ".bias", {to})};
  }

  Affine norm(Parameters& in, const std::string& name) const {
    return {in.make(name + ".weight", {config_.hidden}), in.make(name + ".bias", {config_.hidden})};
  }

  void make_layer(std::int64_t index) {
    const std::string at = "bert.encoder.layer." + std::to_string(index) + ".";
    const std::int64_t h = config_.hidden;
    BertLayer layer;
    layer.query = affine(parameters_, at + "attention.self.query", h, h);
    layer.key = affine(parameters_, at + "attention.self.key", h, h);
    layer.value = affine(parameters_, at + "attention.self.value", h, h);
    layer.attention_output = affine(parameters_, at + "attention.output.dense", h, h);
    layer.attention_norm = norm(parameters_, at + "attention.output.LayerNorm");
    layer.intermediate = affine(parameters_, at + "intermediate.dense", config_.intermediate, h);
    layer.output = affine(parameters_, at + "output.dense", h, config_.intermediate);
    layer.output_norm = norm(parameters_, at + "output.LayerNorm");
    layers_.push_back(layer);
  }

  // [tokens, hidden] fp32, or [examples, hidden] of the chosen tokens
  at::Tensor encode(const Batch& batch, const Pass& pass, const Dropout& dropout,
                    const Chosen* chosen) const {
    const Layout layout(batch, words_.device(), config_.vocab, config_.positions, config_.types);
    at::Tensor x = at::embedding(words_, layout.ids) + at::embedding(types_, layout.types) +
                   at::embedding(positions_, layout.positions);
    x = add_and_norm(x, {}, {embedding_norm_, config_.epsilon}, dropout, nullptr, false, true)
            .floats;
    x = dropout.tokens(x, config_.hidden_dropout, 0);
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const bool last = i + 1 == layers_.size();
      x = run_layer(pass, i, x,
                    [=, this, own = Chosen::copy(last ? chosen : nullptr)](const at::Tensor& in) {
                      return apply(layers_[i], in, layout, pass, dropout,
                                   8 * (static_cast<int>(i) + 1), own ? &*own : nullptr);
                    });
    }
    return x;
  }

  at::Tensor apply(const BertLayer& layer, const at::Tensor& x, const Layout& layout,
                   const Pass& pass, const Dropout& dropout, int site, const Chosen* chosen) const {
    const bool bf16 = pass.bf16;
    const Attention how{config_.heads,
                        config_.heads,
                        false,
                        1.0 / std::sqrt(static_cast<double>(head_size_)),
                        config_.attention_dropout,
                        site,
                        {},
                        {}};
    const at::Tensor in = bf16 ? x.to(at::kBFloat16) : x;  // once, for both products
    const at::Tensor residual = Chosen::of(x, chosen);
    const at::Tensor mixed =
        chosen == nullptr
            ? attend(linear(in, together({layer.query, layer.key, layer.value}), bf16), layout,
                     dropout, how)
            : attend_chosen(linear(residual, layer.query, bf16),
                            linear(in, together({layer.key, layer.value}), bf16), layout, dropout,
                            how, *chosen);
    const Normed middle =
        add_and_norm(residual, linear(mixed, layer.attention_output, bf16),
                     {layer.attention_norm, config_.epsilon, config_.hidden_dropout, site + 1},
                     dropout, chosen, bf16, true);
    const at::Tensor wide = config_.activation(linear(middle.factor(), layer.intermediate, bf16));
    return add_and_norm(middle.floats, linear(wide, layer.output, bf16),
                        {layer.output_norm, config_.epsilon, config_.hidden_dropout, site + 2},
                        dropout, chosen, false, true)
        .floats;
  }

  BertConfig config_;
  std::int64_t head_size_;
  Parameters parameters_;
  Parameters language_;
  at::Tensor words_, positions_, types_, decoder_bias_;
  Affine embedding_norm_, pooler_, classifier_, transform_, transform_norm_;
  std::vector<BertLayer> layers_;
};

const bool registered = ModelRegistry::add(
    "bert", "bidirectional encoder, pooled on the first token",
    [](const std::string& config, std::optional<std::uint64_t> seed) -> std::unique_ptr<Model> {
      return std::make_unique<Bert>(config, seed);
    });

}  // namespace

}  // namespace tutti
