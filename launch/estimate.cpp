#include "tutti/data/cache.hpp"
#include "tutti/data/error.hpp"
#include "tutti/data/store.hpp"
#include "tutti/launch/plan.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace tutti {

namespace {

constexpr Row kSample = 64;           // texts that are measured
constexpr double kBytesPerToken = 4;  // English text, WordPiece or BPE
constexpr double kSpecialTokens = 3;  // [CLS] text [SEP] pair [SEP]
constexpr std::uint64_t kLargestJson = 1 << 20;

// What the cost depends on, under one name for BERT, GPT-2 and Llama.
struct Shape {
  double vocab = 0;
  double layers = 0;
  double hidden = 0;
  double intermediate = 0;
  double heads = 1;
  double kv_share = 1;  // of the key and value projections, when heads share them
  bool gated = false;   // a third matrix in the feed-forward part
};

double number(const nlohmann::json& config, std::initializer_list<const char*> names,
              double otherwise) {
  for (const char* name : names) {
    const auto found = config.find(name);
    if (found != config.end() && found->is_number()) return found->get<double>();
  }
  return otherwise;
}

Shape shape_of_folder(const BackboneOptions& options, const std::string& member) {
  Path folder = resolve_path(options.folder);
  if (!std::filesystem::exists(folder)) folder = cache_folder() / "models" / options.folder;
  const Path file = folder / "config.json";
  if (!std::filesystem::exists(file)) {
    throw Error(Code::Io,
                "member '" + member + "': no model in " + resolve_path(options.folder).string() +
                    " and none named so in " + (cache_folder() / "models").string(),
                "run scripts/setup, or give a Hugging Face folder");
  }
  nlohmann::json config;
  try {
    config = nlohmann::json::parse(read_file(file, kLargestJson));
  } catch (const nlohmann::json::exception& error) {
    throw Error(Code::Data, file.string() + ": " + error.what());
  }
  Shape shape;
  shape.vocab = number(config, {"vocab_size"}, 0);
  shape.layers = number(config, {"num_hidden_layers", "n_layer"}, 0);
  shape.hidden = number(config, {"hidden_size", "n_embd"}, 0);
  shape.intermediate = number(config, {"intermediate_size", "n_inner"}, 4 * shape.hidden);
  shape.heads = number(config, {"num_attention_heads", "n_head"}, 1);
  shape.kv_share = number(config, {"num_key_value_heads"}, shape.heads) / shape.heads;
  shape.gated = config.value("model_type", std::string()) == "llama";
  if (options.layers > 0) shape.layers = std::min(shape.layers, double(options.layers));
  return shape;
}

Shape shape_of_options(const BackboneOptions& options) {
  Shape shape;
  shape.vocab = options.vocab_size;
  shape.layers = options.layers > 0 ? options.layers : 1;
  shape.hidden = options.hidden;
  shape.intermediate = options.intermediate > 0 ? options.intermediate : 4.0 * options.hidden;
  shape.heads = options.heads;
  shape.kv_share = options.kv_heads > 0 ? double(options.kv_heads) / options.heads : 1;
  shape.gated = options.type == "llama";
  return shape;
}

double tokens_of_bytes(std::size_t bytes, int max_length) {
  return std::min<double>(max_length, static_cast<double>(bytes) / kBytesPerToken + kSpecialTokens);
}

// Tokens that a model reads for an example. Two towers: a user's text once for the rows that share
// it (of few users there are as many as may be: hence the root), an item's once for the about
// two rows of a batch that show it.
double mean_tokens(const Dataset& examples, const MemberConfig& member) {
  const bool apart = member.kind == "two-tower";
  const double shared = std::max(1, member.data.share_history);
  const Row step = std::max<Row>(1, examples.size() / kSample);
  double sum = 0;
  double count = 0;
  for (Row i = 0; i < examples.size(); i += step) {
    const Example example = examples.get(i);
    const int most = member.train.max_length;
    if (apart) {
      sum += tokens_of_bytes(example.text.size(), most) / std::sqrt(shared) +
             tokens_of_bytes(example.text_pair.size(), most) / 2;
    } else {
      sum += tokens_of_bytes(example.text.size() + example.text_pair.size(), most);
    }
    count += 1;
  }
  return count > 0 ? sum / count : 0;
}

MemberEstimate estimate(const Config& config, const MemberConfig& member, const Store& store) {
  const Shape shape = member.backbone.folder.empty()
                          ? shape_of_options(member.backbone)
                          : shape_of_folder(member.backbone, member.name);
  MemberEstimate e;
  e.layers = shape.layers;
  e.hidden = shape.hidden;
  e.intermediate = shape.intermediate;
  e.heads = shape.heads;
  e.gated = shape.gated;
  e.vocab = shape.vocab;
  const double attention = (2 + 2 * shape.kv_share) * shape.hidden * shape.hidden;
  const double feed_forward = (shape.gated ? 3 : 2) * shape.hidden * shape.intermediate;
  e.layer_parameters = shape.layers * (attention + feed_forward);
  e.embedding_parameters = shape.vocab * shape.hidden;
  const auto view = training_view(store, member.data, config.experiment.seed, member.name);
  e.training_rows = static_cast<double>(view->size());
  e.tokens = mean_tokens(*view, member);
  e.scored_rows =
      static_cast<double>(store.rows(Part::Validation).size() + store.rows(Part::Test).size());
  return e;
}

}  // namespace

std::vector<MemberEstimate> estimate_members(const Config& config, const Store& store) {
  std::vector<MemberEstimate> out;
  out.reserve(config.members.size());
  for (const MemberConfig& member : config.members) {
    try {
      out.push_back(estimate(config, member, store));
    } catch (const Error& error) {
      // Some already name it.
      std::string name = "member '" + member.name + "'";
      const std::string text = error.what();
      if (text.rfind(name, 0) == 0) throw;
      throw Error(error.code(), name.append(": ").append(text));
    }
  }
  return out;
}

}  // namespace tutti
