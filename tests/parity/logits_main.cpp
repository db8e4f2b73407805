// Prints logits of a model folder for token ids read as JSON lines, for tests/parity.
//
//   parity_logits FOLDER [bf16] < lines      each line: {"ids": [..], "types": [..]}
//   parity_logits --language FOLDER < lines  language-model logits of every position
//   parity_logits --save FROM TO LABELS      make_model from a folder, saved
//   parity_logits --scratch TYPE TOKENIZER TO LABELS  a small model from scratch, saved
//
// All lines form one batch, in their order. Output: a JSON line an example.

#include "tutti/data/error.hpp"
#include "tutti/train/model.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <nlohmann/json.hpp>

#include <iostream>
#include <numeric>
#include <string>
#include <vector>

namespace {

using namespace tutti;
using nlohmann::json;

Batch read_batch(std::istream& in) {
  Batch batch;
  std::string line;
  while (std::getline(in, line)) {
    const json example = json::parse(line);
    Tokens tokens;
    tokens.row = batch.examples();
    tokens.encoding.ids = example.at("ids").get<std::vector<TokenId>>();
    tokens.encoding.types =
        example.value("types", std::vector<std::int32_t>(tokens.encoding.ids.size(), 0));
    batch.append(tokens);
  }
  return batch;
}

void print_rows(const at::Tensor& rows) {
  const at::Tensor values = rows.contiguous();
  for (std::int64_t i = 0; i < values.size(0); ++i) {
    const at::Tensor row = values[i];
    const float* begin = row.const_data_ptr<float>();
    std::cout << json(std::vector<float>(begin, begin + row.numel())).dump() << "\n";
  }
}

void print_language(Model& model, const Batch& batch) {
  std::vector<std::int64_t> positions(static_cast<std::size_t>(batch.tokens()));
  std::iota(positions.begin(), positions.end(), 0);
  const at::Tensor all = model.language_logits(batch, positions, {});
  for (std::int32_t e = 0; e < batch.examples(); ++e) {
    const auto i = static_cast<std::size_t>(e);
    print_rows(all.slice(0, batch.offsets[i], batch.offsets[i + 1]).reshape({1, -1}));
  }
}

int run(const std::vector<std::string>& args) {
  const at::NoGradGuard no_grad;
  if (args.at(0) == "--save") {
    BackboneOptions options;
    options.folder = args.at(1);
    options.dropout = -1;
    const auto made =
        make_model(options, std::stoi(args.at(3)), "single_label_classification", 7, {});
    save_model(*made.model, *made.tokenizer, args.at(2));
  } else if (args.at(0) == "--scratch") {
    BackboneOptions options;
    options.type = args.at(1);
    options.tokenizer = args.at(2);
    options.layers = 2;
    options.hidden = 48;
    options.heads = 4;
    options.kv_heads = 2;
    options.max_positions = 64;
    const auto made =
        make_model(options, std::stoi(args.at(4)), "single_label_classification", 7, {});
    save_model(*made.model, *made.tokenizer, args.at(3));
  } else if (args.at(0) == "--language") {
    print_language(*load_model(args.at(1)).model, read_batch(std::cin));
  } else {
    Pass pass;
    pass.bf16 = args.size() > 1 && args[1] == "bf16";
    print_rows(load_model(args.at(0)).model->logits(read_batch(std::cin), pass));
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const tutti::Error& error) {
    std::cerr << "parity_logits: " << error.what() << "\n";
    return static_cast<int>(error.code());
  }
}
