#pragma once

#include "tutti/data/batch.hpp"
#include "tutti/data/files.hpp"

#include <nlohmann/json.hpp>

#include <sstream>
#include <string>
#include <vector>

namespace tutti {

/// Examples from JSON lines {"label": number, "ids": [..], "types": [..]}, as make_examples.py
/// writes them; a row is the line's place in the file.
inline std::vector<Tokens> read_examples(const Path& file) {
  std::vector<Tokens> out;
  std::istringstream lines(read_file(file));
  for (std::string line; std::getline(lines, line);) {
    const auto example = nlohmann::json::parse(line);
    Tokens tokens;
    tokens.row = static_cast<Row>(out.size());
    tokens.label = example.at("label").get<double>();
    tokens.encoding.ids = example.at("ids").get<std::vector<TokenId>>();
    tokens.encoding.types = example.at("types").get<std::vector<std::int32_t>>();
    out.push_back(std::move(tokens));
  }
  return out;
}

}  // namespace tutti
