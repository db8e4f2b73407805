// What a tokenizer of tutti makes of texts, for the parity tests.
//
//   parity_encode FOLDER             reads JSON lines from stdin:
//     {"text": "..."}                                -> ids without special tokens
//     {"text": "...", "pair": "...", "max_length": 8} -> {"ids": [...], "types": [...]}
//     "base64": true says that text and pair are base64, for bytes that are not UTF-8
//   parity_encode FOLDER --save TO   saves the tokenizer
//   parity_encode --train TO SIZE    trains a BPE on stdin's lines, each a JSON string, and saves
//   it
#include "tutti/data/error.hpp"
#include "tutti/data/tokenizer.hpp"

#include <nlohmann/json.hpp>

#include <iostream>
#include <string>
#include <vector>

namespace {

using Json = nlohmann::json;

int digit_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

std::string from_base64(const std::string& text) {
  std::string out;
  unsigned int bits = 0;
  int held = 0;
  for (const char c : text) {
    const int digit = digit_of(c);
    if (digit < 0) continue;
    bits = bits << 6U | static_cast<unsigned int>(digit);
    held += 6;
    if (held >= 8) {
      held -= 8;
      out.push_back(static_cast<char>(bits >> static_cast<unsigned int>(held) & 255U));
    }
  }
  return out;
}

std::string text_of(const Json& line, const char* key) {
  const std::string text = line.value(key, std::string());
  return line.value("base64", false) ? from_base64(text) : text;
}

void encode(const tutti::Tokenizer& tokenizer) {
  std::string line;
  while (std::getline(std::cin, line)) {
    const Json request = Json::parse(line);
    if (request.contains("max_length")) {
      const tutti::Encoding out =
          tokenizer.encode_pair(text_of(request, "text"), text_of(request, "pair"),
                                request["max_length"].get<std::int32_t>());
      std::cout << Json{{"ids", out.ids}, {"types", out.types}} << '\n';
    } else {
      std::vector<tutti::TokenId> ids;
      tokenizer.encode(text_of(request, "text"), ids);
      std::cout << Json(ids) << '\n';
    }
  }
}

void train(const std::string& folder, std::int32_t size) {
  std::vector<std::string> texts;
  std::string line;
  while (std::getline(std::cin, line)) texts.push_back(Json::parse(line).get<std::string>());
  tutti::train_bpe(texts, size)->save(folder);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  try {
    if (args.size() == 3 && args[0] == "--train") {
      train(args[1], std::stoi(args[2]));
    } else if (args.size() == 3 && args[1] == "--save") {
      tutti::load_tokenizer(args[0])->save(args[2]);
    } else if (args.size() == 1) {
      encode(*tutti::load_tokenizer(args[0]));
    } else {
      std::cerr << "see the head of encode_main.cpp\n";
      return 64;
    }
  } catch (const tutti::Error& error) {
    std::cerr << error.what() << '\n';
    return static_cast<int>(error.code());
  }
  return 0;
}
