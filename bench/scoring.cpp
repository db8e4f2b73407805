// Pairs a second that three members score and one rule fuses, tokens given. Peer: scoring_peer.py.
//
//   bench_scoring EXAMPLES PRECISION THREADS
#include "tutti/data/cache.hpp"
#include "tutti/data/error.hpp"
#include "tutti/ensemble/fusion_rule.hpp"
#include "tutti/ensemble/scorer.hpp"
#include "tutti/launch/threads.hpp"
#include "tutti/train/head.hpp"
#include "tutti/train/trainer.hpp"

#include <chrono>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "bench_main.hpp"
#include "examples.hpp"

namespace {

using namespace tutti;

constexpr int kMembers = 3;

void run(const std::vector<std::string>& arguments) {
  const Path folder = arguments.at(0);
  ScoringOptions scoring;
  scoring.bf16 = arguments.at(1) == "bf16";
  set_threads(std::stoi(arguments.at(2)));
  BackboneOptions backbone;
  backbone.folder = (cache_folder() / "models/all-MiniLM-L6-v2").string();
  std::vector<ModelAndTokenizer> members;
  FusionOptions fusion;
  for (int m = 0; m < kMembers; ++m) {
    members.push_back(
        make_model(backbone, 2, "single_label_classification", static_cast<std::uint64_t>(m), {}));
    fusion.members.push_back({"member " + std::to_string(m)});
  }
  const auto head = HeadRegistry::make("classification", HeadOptions{});
  const auto rule = FusionRegistry::make("average", fusion);
  const auto group = make_single_communicator();
  const auto score = [&](const std::vector<Tokens>& examples) {
    const std::size_t rows = examples.size();
    std::vector<double> scores(kMembers * rows);
    for (std::size_t m = 0; m < kMembers; ++m) {
      const auto logits =
          predict(*group, *members[m].model, examples, scoring.batch_tokens, scoring.bf16);
      head->scores(logits, std::span(scores).subspan(m * rows, rows));
    }
    const std::vector<std::int32_t> users(rows, 0);
    std::vector<double> fused(rows);
    rule->fuse({scores, users, kMembers, static_cast<std::int64_t>(rows)}, fused);
    return fused;
  };
  const std::vector<double> none{0.0, 1.0};  // an average learns nothing, but asks how many members
  const std::vector<std::int32_t> users{0, 0};
  rule->fit({std::vector<double>(2 * kMembers, 0.5), users, kMembers, 2}, {none});
  score(read_examples(folder / "warmup.jsonl"));
  const std::vector<Tokens> examples = read_examples(folder / "timed.jsonl");
  const auto begin = std::chrono::steady_clock::now();
  const std::vector<double> fused = score(examples);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("check=%zu\n", fused.size());
  std::printf("rate=%.2f pairs/s\n", static_cast<double>(fused.size()) / took.count());
}

}  // namespace

int main(int argc, char** argv) { return tutti::bench_main("bench_scoring", argc, argv, run); }
