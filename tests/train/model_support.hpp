#pragma once

#include "tutti/data/batch.hpp"
#include "tutti/train/model.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tutti::test {

/// A tiny model of any registered type, described in the terms that all of them take.
inline std::string tiny_config(const std::string& type, double dropout) {
  return R"({"model_type": ")" + type +
         R"(", "vocab_size": 31, "hidden_size": 16, "num_hidden_layers": 2,
             "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 20,
             "max_position_embeddings": 16, "num_labels": 3, "pad_token_id": 0,
             "tie_word_embeddings": true, "dropout": )" +
         std::to_string(dropout) + "}";
}

inline std::unique_ptr<Model> tiny_model(const std::string& type, double dropout = 0.0) {
  return ModelRegistry::make(type, tiny_config(type, dropout), 11);
}

inline Tokens example(Row row, std::int32_t length) {
  Tokens out;
  out.row = row;
  for (std::int32_t t = 0; t < length; ++t) {
    out.encoding.ids.push_back(static_cast<TokenId>(1 + (row * 7 + t * 5) % 30));
    out.encoding.types.push_back(t * 2 > length ? 1 : 0);
  }
  return out;
}

/// Lengths in no order, with runs of one and of more.
inline std::vector<Tokens> examples() {
  return {example(3, 5), example(9, 5), example(4, 2), example(7, 9), example(1, 1), example(2, 9)};
}

/// Fifty of 3 to 13 tokens, labelled by their second token.
inline std::vector<Tokens> labelled_examples() {
  std::vector<Tokens> out;
  for (int i = 0; i < 50; ++i) {
    out.push_back(example(i, 3 + i * 5 % 11));
    out.back().label = out.back().encoding.ids[1] % 2;
  }
  return out;
}

inline Batch batch_of(const std::vector<Tokens>& examples) {
  Batch out;
  for (const Tokens& tokens : examples) out.append(tokens);
  return out;
}

/// The largest difference of two tensors.
inline double distance(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

}  // namespace tutti::test
