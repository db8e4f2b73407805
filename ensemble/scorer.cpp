#include "tutti/ensemble/scorer.hpp"

#include "tutti/data/error.hpp"
#include "tutti/data/tokens_file.hpp"
#include "tutti/train/towers.hpp"
#include "tutti/train/trainer.hpp"

#include <string>
#include <unordered_map>
#include <utility>

namespace tutti {

std::vector<Tokens> tokenise(const Dataset& examples, const Tokenizer& tokenizer,
                             std::int32_t max_length) {
  std::vector<Tokens> out;
  out.reserve(static_cast<std::size_t>(examples.size()));
  for (Row i = 0; i < examples.size(); ++i) {
    out.push_back(tokenise(examples.get(i), tokenizer, max_length));
  }
  return out;
}

std::vector<Tokens> tokenise_apart(const Dataset& examples, const Tokenizer& tokenizer,
                                   std::int32_t max_length) {
  std::unordered_map<std::string, Encoding> known;
  const auto append = [&](const std::string& text, Encoding& to) {
    const auto [found, added] = known.try_emplace(text);
    if (added) found->second = tokenizer.encode_pair(text, {}, max_length);
    const Encoding& from = found->second;
    to.ids.insert(to.ids.end(), from.ids.begin(), from.ids.end());
    to.types.insert(to.types.end(), from.types.begin(), from.types.end());
  };
  std::vector<Tokens> out;
  out.reserve(static_cast<std::size_t>(examples.size()));
  for (Row i = 0; i < examples.size(); ++i) {
    const Example example = examples.get(i);
    Tokens tokens;
    tokens.row = example.row;
    tokens.user = example.user;
    tokens.label = example.label;
    append(example.text.empty() ? kNoUserText : example.text, tokens.encoding);
    tokens.split = static_cast<std::int32_t>(tokens.encoding.ids.size());
    append(example.text_pair, tokens.encoding);
    out.push_back(std::move(tokens));
  }
  return out;
}

std::vector<Tokens> tokenise_for(Model& model, const Dataset& examples, const Tokenizer& tokenizer,
                                 std::int32_t max_length) {
  return model.towers() != nullptr ? tokenise_apart(examples, tokenizer, max_length)
                                   : tokenise(examples, tokenizer, max_length);
}

PredictionSet predict_set(Communicator& group, Model& model, const Head& head, const Store& store,
                          std::span<const Tokens> examples, const ScoringOptions& options) {
  PredictionSet out;
  out.outputs = head.num_labels();
  out.logits = predict(group, model, examples, options.batch_tokens, options.bf16);
  TUTTI_ASSERT(out.logits.size() == examples.size() * static_cast<std::size_t>(out.outputs),
               "logits of every example");
  for (const Tokens& example : examples) {
    out.row.push_back(example.row);
    out.user.push_back(example.user);
    out.item.push_back(store.interactions().item[static_cast<std::size_t>(example.row)]);
    out.label.push_back(example.label);
  }
  out.score.resize(examples.size());
  head.scores(out.logits, out.score);
  return out;
}

}  // namespace tutti
