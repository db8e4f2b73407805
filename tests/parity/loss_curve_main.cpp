// The losses of a short fine-tuning, for tests/parity.
//
//   parity_loss_curve FOLDER EXAMPLES TO STEPS
//
// Saves the classifier that it starts from in TO, then trains it on EXAMPLES (JSON lines) in fp32
// without dropout. Output: a JSON line a step, {"loss": .., "batch": [places in EXAMPLES]}.

#include "tutti/data/batching.hpp"
#include "tutti/data/error.hpp"
#include "tutti/train/head.hpp"
#include "tutti/train/trainer.hpp"

#include <ATen/Parallel.h>
#include <nlohmann/json.hpp>

#include <iostream>
#include <string>
#include <variant>
#include <vector>

#include "examples.hpp"

namespace {

using namespace tutti;

void run(const std::vector<std::string>& args) {
  at::set_num_threads(1);  // steps this small gain nothing from more
  BackboneOptions backbone;
  backbone.folder = args.at(0);
  backbone.dropout = 0;
  const auto made = make_model(backbone, 2, "single_label_classification", 7, {});
  save_model(*made.model, *made.tokenizer, args.at(2));

  const std::vector<Tokens> examples = read_examples(args.at(1));
  TrainOptions options;
  options.batch_examples = 8;
  options.max_steps = std::stol(args.at(3));
  options.epochs = 1000;
  options.learning_rate = 1e-4;
  ExampleShapes shapes;
  for (const Tokens& example : examples) {
    shapes.lengths.push_back(static_cast<std::int32_t>(example.encoding.ids.size()));
  }
  std::vector<IndexBatch> order;
  for (std::uint64_t epoch = 0; static_cast<std::int64_t>(order.size()) < options.max_steps;
       ++epoch) {
    BatchingOptions batching{options.seed, epoch, options.batch_tokens, options.batch_examples};
    for (IndexBatch& batch : form_batches(shapes, batching)) order.push_back(std::move(batch));
  }

  const auto group = make_single_communicator();
  const auto head = HeadRegistry::make("classification", HeadOptions{});
  const MemberOutcome outcome =
      train(*group, *made.model, *head, examples, options, [&](const StepReport& report) {
        const IndexBatch& batch = order.at(static_cast<std::size_t>(report.step - 1));
        std::cout << nlohmann::json{{"loss", report.loss}, {"batch", batch}}.dump() << "\n";
      });
  if (const auto* failed = std::get_if<Failed>(&outcome)) throw failed->reason;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run({argv + 1, argv + argc});
    return 0;
  } catch (const tutti::Error& error) {
    std::cerr << "parity_loss_curve: " << error.what() << "\n";
    return static_cast<int>(error.code());
  }
}
