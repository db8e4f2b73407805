#pragma once

#include "tutti/data/tokenizer.hpp"
#include "tutti/data/tokenizers/added_tokens.hpp"
#include "tutti/data/tokenizers/model.hpp"
#include "tutti/data/tokenizers/normalizer.hpp"
#include "tutti/data/tokenizers/post_processor.hpp"
#include "tutti/data/tokenizers/pre_tokenizer.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace tutti::tokenizers {

/// The parts of a tokenizer, in the order in which a text passes them.
struct Pipeline {
  AddedTokens raw_added;  ///< found in the text as it is
  Normalizer normalizer;
  AddedTokens normalized_added;                 ///< found in the normalised text
  std::unique_ptr<PreTokenizer> pre_tokenizer;  ///< nullptr: a text is one word
  std::unique_ptr<WordModel> model;
  PostProcessor post;

  std::vector<std::string> tokens;  ///< [id]
  SpecialTokens special;
  std::string digest;
  std::map<std::string, std::string> files;  ///< what save() writes: name to bytes
};

std::unique_ptr<Tokenizer> make_tokenizer(Pipeline pipeline);

}  // namespace tutti::tokenizers
