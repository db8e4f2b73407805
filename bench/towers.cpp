// Training pairs a second of a two-tower member on MovieLens-100K: MiniLM, dropout on, batches of
// 24,576 tokens of distinct texts, 64 rows of a user at most to one history, 10 titles in it.
//
//   bench_towers [--naive] [PRECISION] [STEPS] [THREADS] [LAYERS]
//
// --naive encodes both texts of every pair, as a program does that knows pairs alone: the same
// batches of the same pairs, the same loss, in pieces that fit into memory. STEPS of an epoch of
// about 20; each is a sample of the epoch's users, so the ratio of rates is that of epochs. LAYERS:
// keep so many of MiniLM's six (0: all), for a machine on which the naive way takes too long.
#include "tutti/train/towers.hpp"

#include "tutti/data/cache.hpp"
#include "tutti/data/error.hpp"
#include "tutti/data/store.hpp"
#include "tutti/ensemble/scorer.hpp"
#include "tutti/launch/threads.hpp"
#include "tutti/train/head.hpp"
#include "tutti/train/trainer.hpp"

#include <unistd.h>

#include <cstdio>
#include <string>
#include <variant>
#include <vector>

#include "bench_main.hpp"

namespace {

using namespace tutti;

constexpr int kMaxLength = 128;
constexpr std::int64_t kBatchTokens = 24576;
// Distinct tokens: about 64 pairs and so, encoded pair by pair, 5,000 to 10,000 tokens.
constexpr std::int64_t kNaivePiece = 1024;

Store movielens(const Path& file) {
  DataOptions options;
  options.source = "atomic";
  options.path = (cache_folder() / "data" / "ml-100k").string();
  build_store(options, 42, file);
  return Store::open(file);
}

std::vector<Tokens> pairs_of(const Store& store, const Tokenizer& tokenizer) {
  MemberData data;
  data.share_history = 64;
  data.user_fields = {"age", "gender", "occupation"};
  return tokenise_apart(*training_view(store, data, 42, "bench"), tokenizer, kMaxLength);
}

void run(std::vector<std::string> arguments) {
  const bool naive = !arguments.empty() && arguments.front() == "--naive";
  if (naive) arguments.erase(arguments.begin());
  const auto argument = [&](std::size_t i, const char* otherwise) {
    return i < arguments.size() ? arguments[i] : std::string(otherwise);
  };
  set_threads(std::stoi(argument(2, "2")));
  const Path file = std::filesystem::temp_directory_path() /
                    ("tutti-bench-towers-" + std::to_string(::getpid()) + ".h5");
  BackboneOptions backbone;
  backbone.folder = "all-MiniLM-L6-v2";
  backbone.layers = std::stoi(argument(3, "0"));
  ModelAndTokenizer made = make_model(backbone, 2, "single_label_classification", 1, {});
  TowerOptions towers;
  towers.share = !naive;
  made.model = make_two_tower(std::move(made.model), 2, towers, 1);
  const std::vector<Tokens> pairs = pairs_of(movielens(file), *made.tokenizer);
  std::filesystem::remove(file);

  TrainOptions options;
  options.precision = argument(0, "bf16");
  options.max_steps = std::stol(argument(1, "2"));
  options.epochs = 1;
  options.batch_tokens = kBatchTokens;
  options.micro_batch_tokens = naive ? kNaivePiece : 0;
  const auto head = HeadRegistry::make("classification", HeadOptions{});
  const auto group = make_single_communicator();
  double seconds = 0;
  double loss = 0;
  std::int64_t count = 0;
  const MemberOutcome outcome =
      train(*group, *made.model, *head, pairs, options, [&](const StepReport& report) {
        seconds += report.seconds;
        count += report.examples;
        if (report.step == 1) loss = report.loss;
      });
  if (const auto* failed = std::get_if<Failed>(&outcome)) throw failed->reason;
  std::printf("%zu pairs in the epoch, %lld in these steps, %.1f s\n", pairs.size(),
              static_cast<long long>(count), seconds);
  std::printf("check=%lld-pairs,loss-%.2f\n", static_cast<long long>(count), loss);
  std::printf("rate=%.1f pairs/s\n", static_cast<double>(count) / seconds);
}

}  // namespace

int main(int argc, char** argv) { return tutti::bench_main("bench_towers", argc, argv, run); }
