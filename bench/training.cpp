// Tokens a second that one rank trains.
//
//   bench_training FOLDER [fp32|bf16] [BATCH_TOKENS] [STEPS] [THREADS] [DROPOUT]
#include "tutti/data/error.hpp"
#include "tutti/data/random.hpp"
#include "tutti/train/head.hpp"
#include "tutti/train/trainer.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace tutti;

/// Lengths as of MovieLens pairs with a history of ten titles: 40 to 128, most of them long.
std::vector<Tokens> random_examples(int count, std::int32_t vocab) {
  Random random(1, "bench");
  std::vector<Tokens> out(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    Tokens& example = out[static_cast<std::size_t>(i)];
    example.row = i;
    example.label = static_cast<double>(random.below(2));
    const std::uint64_t length = 128 - std::min(random.below(89), random.below(89));
    for (std::uint64_t t = 0; t < length; ++t) {
      const auto id = random.below(static_cast<std::uint64_t>(vocab));
      example.encoding.ids.push_back(static_cast<TokenId>(id));
      example.encoding.types.push_back(0);
    }
  }
  return out;
}

int run(const std::vector<std::string>& args) {
  const auto arg = [&](std::size_t i, const char* otherwise) {
    return i < args.size() ? args[i] : std::string(otherwise);
  };
  at::set_num_threads(std::stoi(arg(4, "1")));
  BackboneOptions backbone;
  backbone.folder = args.at(0);
  backbone.dropout = std::stod(arg(5, "-1"));
  const auto made = make_model(backbone, 2, "single_label_classification", 1, {});
  const auto head = HeadRegistry::make("classification", HeadOptions{});
  TrainOptions options;
  options.precision = arg(1, "fp32");
  options.batch_tokens = std::stol(arg(2, "2000"));
  options.max_steps = std::stol(arg(3, "12"));
  options.epochs = 1000;
  const auto examples = random_examples(2000, made.tokenizer->vocab_size());
  std::vector<double> rates;
  const auto group = make_single_communicator();
  const MemberOutcome outcome =
      train(*group, *made.model, *head, examples, options, [&](const StepReport& report) {
        rates.push_back(static_cast<double>(report.tokens) / report.seconds);
      });
  if (const auto* failed = std::get_if<Failed>(&outcome)) throw failed->reason;
  rates.erase(rates.begin(), rates.begin() + static_cast<std::ptrdiff_t>(rates.size() / 4));
  std::sort(rates.begin(), rates.end());
  std::printf("%s %s batch_tokens=%s threads=%s: median %.0f best %.0f tokens/s\n", args[0].c_str(),
              options.precision.c_str(), arg(2, "2000").c_str(), arg(4, "1").c_str(),
              rates[rates.size() / 2], rates.back());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_training: %s\n", error.what());
    return 1;
  }
}
