// Examples a second that tutti trains: MiniLM with dropout, batches of 32, AdamW. Under mpirun the
// batch of 32 is shared by the ranks. Peers: training_peer.py, ddp_peer.py.
//
//   bench_training EXAMPLES PRECISION THREADS [profile]
//
// EXAMPLES: a folder of make_examples.py; warm-up steps are not timed. THREADS: of each rank.
// profile: lines "op SHARE NAME" too, as step_profile.py reads them.
#include "tutti/data/cache.hpp"
#include "tutti/data/error.hpp"
#include "tutti/launch/command.hpp"
#include "tutti/launch/threads.hpp"
#include "tutti/train/comm/mpi.hpp"
#include "tutti/train/head.hpp"
#include "tutti/train/trainer.hpp"

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bench_main.hpp"
#include "examples.hpp"
#include "op_times.hpp"

namespace {

using namespace tutti;

constexpr std::int64_t kBatch = 32;

struct Work {
  std::int64_t examples = 0;
  std::int64_t tokens = 0;
  std::int64_t steps = 0;
  double seconds = 0;
};

Work train_epoch(Communicator& group, Model& model, const std::vector<Tokens>& examples,
                 const std::string& precision) {
  TrainOptions options;
  options.precision = precision;
  options.batch_examples = kBatch;
  options.epochs = 1;
  options.learning_rate = 2e-5;
  const auto head = HeadRegistry::make("classification", HeadOptions{});
  Work work;
  const MemberOutcome outcome =
      train(group, model, *head, examples, options, [&](const StepReport& report) {
        work.examples += report.examples;
        work.tokens += report.tokens;
        work.seconds += report.seconds;
        ++work.steps;
      });
  if (const auto* failed = std::get_if<Failed>(&outcome)) throw failed->reason;
  return work;
}

void run(const std::vector<std::string>& arguments) {
  const Path folder = arguments.at(0);
  set_threads(std::stoi(arguments.at(2)));
  std::optional<MpiWorld> world;
  if (launched_ranks() > 0) world.emplace();
  const auto group = world ? world->world() : make_single_communicator();
  BackboneOptions backbone;
  backbone.folder = (cache_folder() / "models/all-MiniLM-L6-v2").string();
  backbone.dropout = -1;
  const auto made = make_model(backbone, 2, "single_label_classification", 1, {});
  train_epoch(*group, *made.model, read_examples(folder / "warmup.jsonl"), arguments.at(1));
  std::optional<OpTimes> times;
  if (arguments.size() > 3) times.emplace();
  const Work work =
      train_epoch(*group, *made.model, read_examples(folder / "timed.jsonl"), arguments.at(1));
  if (group->rank() != 0) return;
  if (times) times->print(work.seconds);
  std::printf("check=%lld/%lld\n", static_cast<long long>(work.examples),
              static_cast<long long>(work.steps));
  std::printf("rate=%.2f examples/s (%.0f tokens/s)\n",
              static_cast<double>(work.examples) / work.seconds,
              static_cast<double>(work.tokens) / work.seconds);
}

}  // namespace

int main(int argc, char** argv) { return tutti::bench_main("bench_training", argc, argv, run); }
