#include "tutti/train/trainer.hpp"

#include <ATen/ATen.h>
#include <c10/core/Allocator.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "../train/model_support.hpp"
#include "recording_communicator.hpp"
#include "tiny_model.hpp"
#include "world.hpp"

namespace tutti {
namespace {

using test::mpi_world;

constexpr std::int64_t kFloat = sizeof(float);
const std::vector<std::string> kTypes{"bert", "gpt2", "llama"};
const std::vector<std::string> kShards{"none", "optimizer", "gradients", "parameters"};

TrainOptions options_of(const std::string& shard) {
  TrainOptions options;
  options.epochs = 100;
  options.max_steps = 20;
  options.batch_tokens = 80;
  options.micro_batch_tokens = 30;
  options.learning_rate = 1e-3;
  options.bucket_bytes = 4096;
  options.shard = shard;
  return options;
}

struct Result {
  std::vector<double> losses;  ///< on rank 0
  std::vector<StepReport> reports;
  std::vector<float> logits;
  TrainingBytes bytes;
  std::int64_t parameters = 0;
};

std::unique_ptr<Model> model_of(const std::string& type, int layers) {
  std::string config = test::tiny_config(type, 0.1);
  const std::string key = "\"num_hidden_layers\": ";
  config.replace(config.find(key) + key.size(), 1, std::to_string(layers));
  return ModelRegistry::make(type, config, 11);
}

Result train_on(Communicator& group, const std::string& type, const TrainOptions& options,
                int layers = 2) {
  Result result;
  const auto model = model_of(type, layers);
  result.parameters = model_size(*model).parameters;
  const auto examples = test::labelled_examples();
  const MemberOutcome outcome =
      train(group, *model, test::TinyHead(), examples, options, [&](const StepReport& report) {
        result.losses.push_back(report.loss);
        result.reports.push_back(report);
      });
  if (const auto* failed = std::get_if<Failed>(&outcome)) {
    ADD_FAILURE() << type << " " << options.shard << ": " << failed->reason.what();
    return result;
  }
  result.bytes = std::get<Trained>(outcome).bytes;
  result.logits = predict(group, *model, examples, 60, false);
  return result;
}

void expect_near(const Result& got, const Result& want, double tolerance, const std::string& what) {
  ASSERT_EQ(got.losses.size(), want.losses.size()) << what;
  for (std::size_t i = 0; i < want.losses.size(); ++i) {
    EXPECT_NEAR(got.losses[i], want.losses[i], tolerance) << what << " step " << i + 1;
  }
  ASSERT_EQ(got.logits.size(), want.logits.size()) << what;
  for (std::size_t i = 0; i < want.logits.size(); ++i) {
    EXPECT_NEAR(got.logits[i], want.logits[i], 20 * tolerance) << what << " logit " << i;
  }
}

TEST(Sharding, EveryStageGivesTheLossesOfOneRankAndTheSameBitsAgain) {
  const auto group = mpi_world().world();
  const auto single = make_single_communicator();
  for (const std::string& type : kTypes) {
    const Result alone = train_on(*single, type, options_of("none"));
    for (const std::string& shard : kShards) {
      for (const bool checkpoint : {false, true}) {
        if (checkpoint && shard != "parameters") continue;
        TrainOptions options = options_of(shard);
        options.checkpoint_activations = checkpoint;
        const Result together = train_on(*group, type, options);
        if (!checkpoint && type == "llama") {
          const Result again = train_on(*group, type, options);
          EXPECT_EQ(together.losses, again.losses) << shard;
          EXPECT_EQ(together.logits, again.logits) << shard;
        }
        if (group->rank() != 0) continue;
        // fp32, the terms of each sum in another order.
        expect_near(together, alone, 1e-5, type + (" " + shard));
      }
    }
  }
}

TEST(Sharding, ARankHoldsItsPartAlone) {
  const auto group = mpi_world().world();
  const std::int64_t n = group->world_size();
  for (const std::string& type : kTypes) {
    std::vector<TrainingBytes> bytes;
    std::int64_t parameters = 0;
    for (const std::string& shard : kShards) {
      TrainOptions options = options_of(shard);
      options.max_steps = 4;
      const Result result = train_on(*group, type, options, 9);
      bytes.push_back(result.bytes);
      parameters = result.parameters;
    }
    const std::int64_t all = kFloat * parameters;
    const std::int64_t padding = kFloat * n * 40;  // less than n values in each bucket
    EXPECT_EQ(bytes[0].optimizer, 2 * all) << type;
    for (std::size_t stage : {1U, 2U, 3U}) {
      EXPECT_LE(bytes[stage].optimizer, 2 * (all + padding) / n) << type << " " << stage;
      at::Tensor sum = at::full({1}, bytes[stage].optimizer, at::kLong);
      group->all_reduce_sum(sum);
      EXPECT_EQ(sum.item<std::int64_t>(), 2 * all) << type << " " << stage;
    }
    // Gradients of the pieces, of two buckets on their way and of two that fill. The largest bucket
    // is a layer, and that is less than an eighth of the model.
    EXPECT_LE(bytes[0].gradients, all + padding);
    EXPECT_LE(bytes[2].gradients, (all + padding) / n + all / 2) << type;
    // With parameters in pieces the gradients of a pass are summed at its end.
    EXPECT_LE(bytes[3].gradients, (all + padding) / n + all + padding) << type;
    // The pieces, a layer, and what belongs to none.
    EXPECT_LE(bytes[2].parameters, all + padding) << type;
    EXPECT_LE(bytes[3].parameters, (all + padding) / n + all / 4) << type;
  }
}

TEST(Sharding, AFailureOnOneRankIsTheSameFailedOnAllAndTheWeightsAreWhole) {
  const auto group = mpi_world().world();
  const auto examples = test::tiny_examples(60);
  for (const std::string& shard : kShards) {
    test::TinyModel model;
    const auto before = test::copy_of_weights(model);
    model.fail_at_row = 1023;
    TrainOptions options = options_of(shard);
    options.batch_tokens = 100000;  // all rows in the first step
    options.bucket_bytes = 64;
    const MemberOutcome outcome =
        train(*group, model, test::TinyHead(), examples, options, nullptr);
    ASSERT_TRUE(std::holds_alternative<Failed>(outcome)) << shard;
    const std::string mine = std::get<Failed>(outcome).reason.what();
    EXPECT_NE(mine.find("planted failure"), std::string::npos) << mine;
    for (const std::string& other : all_gather_strings(*group, mine)) EXPECT_EQ(other, mine);
    const auto after = test::copy_of_weights(model);
    for (std::size_t i = 0; i < after.size(); ++i) EXPECT_TRUE(at::equal(after[i], before[i]));
  }
}

TEST(Sharding, AGradientThatIsNotFiniteIsFailedOnAllRanks) {
  const auto group = mpi_world().world();
  const auto examples = test::tiny_examples(60);
  for (const std::string& shard : kShards) {
    test::TinyModel model;
    model.named_parameters()[1].second.view({-1})[0] = std::numeric_limits<float>::infinity();
    const MemberOutcome outcome =
        train(*group, model, test::TinyHead(), examples, options_of(shard), nullptr);
    ASSERT_TRUE(std::holds_alternative<Failed>(outcome)) << shard;
    const std::string mine = std::get<Failed>(outcome).reason.what();
    EXPECT_NE(mine.find("not finite"), std::string::npos) << mine;
    for (const std::string& other : all_gather_strings(*group, mine)) EXPECT_EQ(other, mine);
  }
}

TEST(Sharding, TheGradientNormIsThatOfOneRank) {
  const auto group = mpi_world().world();
  const auto single = make_single_communicator();
  const Result alone = train_on(*single, "gpt2", options_of("none"));
  for (const std::string& shard : kShards) {
    const Result together = train_on(*group, "gpt2", options_of(shard));
    for (std::size_t i = 0; i < together.reports.size(); ++i) {
      const double want = alone.reports[i].gradient_norm;
      EXPECT_NEAR(together.reports[i].gradient_norm, want, 1e-4 * want) << shard << " " << i;
    }
  }
}

TEST(Overlap, BucketsAreOnTheirWayWhileBackwardRuns) {
  const auto group = mpi_world().world();
  for (const std::string shard : {"none", "optimizer"}) {
    const auto model = test::tiny_model("bert");
    const at::Tensor words = model->named_parameters()[0].second;
    std::vector<bool> unfinished;
    test::RecordingCommunicator recording(*group, [&] {
      // The words' gradient is the last of backward: none of it is there yet.
      unfinished.push_back(words.grad().abs().max().item<float>() == 0);
    });
    TrainOptions options = options_of(shard);
    options.max_steps = 3;
    options.batch_tokens = 400;
    options.micro_batch_tokens = 0;
    std::vector<StepReport> reports;
    const MemberOutcome outcome =
        train(recording, *model, test::TinyHead(), test::labelled_examples(), options,
              [&](const StepReport& report) { reports.push_back(report); });
    EXPECT_TRUE(std::holds_alternative<Trained>(outcome));
    const std::size_t buckets = unfinished.size() / 3;
    EXPECT_GT(buckets, 2U);
    EXPECT_EQ(unfinished.size(), 3 * buckets) << "one sum a bucket and step";
    for (std::size_t step = 0; step < 3; ++step) {
      EXPECT_TRUE(unfinished[step * buckets]) << shard << " step " << step + 1;
      EXPECT_TRUE(unfinished[step * buckets + buckets / 2]) << shard << " step " << step + 1;
    }
    for (const StepReport& report : reports) {
      EXPECT_GT(report.communication_seconds, 0);
      EXPECT_LE(report.wait_seconds, report.communication_seconds);
    }
  }
}

TEST(Wire, BFloat16OnTheWireLearnsNearlyTheSame) {
  const auto group = mpi_world().world();
  const Result exact = train_on(*group, "gpt2", options_of("none"));
  for (const std::string& shard : kShards) {
    TrainOptions options = options_of(shard);
    options.wire = "bf16";
    const Result rounded = train_on(*group, "gpt2", options);
    if (group->rank() != 0) continue;
    // A gradient is off by 2^-9 of itself: the losses of 20 steps by about as much of their change.
    expect_near(rounded, exact, 1e-3, shard);
    if (group->world_size() > 1) {
      EXPECT_NE(rounded.losses, exact.losses) << shard;
    }
  }
}

TEST(Wire, HostsThatSumFirstGiveTheLossesOfOneRank) {
  const auto alone = make_single_communicator();
  const Result want = train_on(*alone, "llama", options_of("none"));
  for (const int ranks_a_host : {2, 3}) {
    const auto group = mpi_world().world(
        {.timeout = std::chrono::seconds(20), .max_count = 1 << 30, .ranks_a_host = ranks_a_host});
    TrainOptions options = options_of("none");
    options.bucket_bytes = 1 << 20;
    const Result got = train_on(*group, "llama", options);
    if (group->rank() == 0) expect_near(got, want, 1e-5, std::to_string(ranks_a_host));
  }
}

/// Bytes that the host allocator has given out and not got back, while it is installed.
class LiveBytes final : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void* /*pointer*/, std::int64_t size, std::size_t /*allocated*/,
                         std::size_t /*reserved*/, c10::Device /*device*/) override {
    live += size;
    most = std::max(most, live);
  }
  [[nodiscard]] bool memoryProfilingEnabled() const override { return true; }
  std::int64_t live = 0;
  std::int64_t most = 0;
};

TEST(Checkpointing, GivesTheSameBitsAndKeepsLess) {
  const auto group = make_single_communicator();
  for (const std::string& type : kTypes) {
    std::vector<Result> results;
    std::vector<std::int64_t> most;
    for (const bool checkpoint : {false, true}) {
      const auto count = std::make_shared<LiveBytes>();
      const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, count);
      TrainOptions options = options_of("none");
      options.max_steps = 5;
      options.batch_tokens = 400;
      options.micro_batch_tokens = 0;
      options.checkpoint_activations = checkpoint;
      results.push_back(train_on(*group, type, options));
      most.push_back(count->most);
    }
    EXPECT_EQ(results[0].losses, results[1].losses) << type;
    EXPECT_EQ(results[0].logits, results[1].logits) << type;
    EXPECT_LT(most[1], most[0]) << type;
  }
}

}  // namespace
}  // namespace tutti
