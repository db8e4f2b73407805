#pragma once

#include "tutti/data/tokenizers/json.hpp"
#include "tutti/data/tokenizers/pipeline.hpp"

namespace tutti::tokenizers {

/// The parts that the root of a tokenizer.json describes. Throws Error(Data) naming the field for
/// what is broken, and for what tutti does not support. `special` and `files` are left empty.
Pipeline read_format(const Node& root);

/// Sections of it: their value may be null.
std::vector<NormalizerStep> read_normalizer(const Node& section);
std::unique_ptr<PreTokenizer> read_pre_tokenizer(const Node& section, bool& byte_level);
PostProcessor read_post_processor(const Node& section);

/// A tokenizer from a folder's files, name to bytes; `folder` is for error messages.
std::unique_ptr<Tokenizer> from_files(std::map<std::string, std::string> files, const Path& folder);

/// vocab.txt, or vocab.json and merges.txt, as the root of a tokenizer.json. `config` is
/// tokenizer_config.json or an empty object.
Json from_vocab_txt(const std::string& bytes, const std::string& file, const Json& config);
Json from_vocab_json(const std::string& vocab, const std::string& vocab_file,
                     const std::string& merges, const std::string& merges_file, const Json& config);

}  // namespace tutti::tokenizers
