#include "tutti/train/trainer.hpp"

#include "tutti/data/batching.hpp"
#include "tutti/data/random.hpp"
#include "tutti/data/shared_texts.hpp"
#include "tutti/train/buckets.hpp"
#include "tutti/train/layer_runner.hpp"
#include "tutti/train/objective.hpp"
#include "tutti/train/optimizer.hpp"
#include "tutti/train/parameter_shards.hpp"
#include "tutti/train/reducer.hpp"
#include "tutti/train/schedule.hpp"
#include "tutti/train/translate.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <utility>

namespace tutti {

namespace {

ExampleShapes shapes_of(std::span<const Tokens> examples, bool by_user) {
  ExampleShapes shapes;
  shapes.lengths.reserve(examples.size());
  for (std::size_t i = 0; i < examples.size(); ++i) {
    if (examples[i].encoding.ids.empty()) {
      throw Error(Code::Data, "example " + std::to_string(i) + " has no tokens");
    }
    shapes.lengths.push_back(static_cast<std::int32_t>(examples[i].encoding.ids.size()));
    if (by_user) shapes.users.push_back(examples[i].user);
  }
  shapes.texts = find_texts(examples);
  return shapes;
}

BatchingOptions batching_of(const TrainOptions& options, std::uint64_t epoch) {
  return {options.seed, epoch, options.batch_tokens, options.batch_examples};
}

std::int64_t steps_of(const ExampleShapes& shapes, const TrainOptions& options) {
  if (shapes.lengths.empty()) return 0;
  const std::int64_t limit =
      options.max_steps > 0 ? options.max_steps : std::numeric_limits<std::int64_t>::max();
  return count_batches(options.epochs, limit, [&](std::uint64_t epoch) {
    return form_batches(shapes, batching_of(options, epoch)).size();
  });
}

/// By length, so that runs of equal length share an attention call; a row that the caller left out
/// becomes the example's index, for masks are keyed by it.
Batch make_batch(std::span<const Tokens> examples, std::span<const std::int32_t> indices) {
  std::vector<std::int32_t> order(indices.begin(), indices.end());
  const auto length = [&](std::int32_t i) {
    return examples[static_cast<std::size_t>(i)].encoding.ids.size();
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int32_t a, std::int32_t b) { return length(a) < length(b); });
  Batch batch;
  for (const std::int32_t i : order) {
    batch.append(examples[static_cast<std::size_t>(i)]);
    if (batch.rows.back() < 0) batch.rows.back() = i;
  }
  return batch;
}

std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

const std::vector<std::string> kShards{"none", "optimizer", "gradients", "parameters"};

// How much is sharded: 0 .. 3, the stages of ZeRO.
int shard_stage(const TrainOptions& options) {
  const auto found = std::find(kShards.begin(), kShards.end(), options.shard);
  if (found == kShards.end()) {
    throw Error(Code::Config, "unknown shard '" + options.shard + "'",
                "known: none, optimizer, gradients, parameters");
  }
  return static_cast<int>(found - kShards.begin());
}

/// Recomputes every layer in backward.
class Recompute final : public LayerRunner {
 public:
  at::Tensor run(std::size_t /*layer*/, const at::Tensor& x,
                 const LayerFunction& function) override {
    return run_checkpointed(x, function, {}, {});
  }
};

/// One run of one rank. Everything that only this rank may meet is kept until the group next meets.
class Run {
 public:
  Run(Communicator& group, Model& model, std::span<const Tokens> examples,
      const TrainOptions& options, const std::function<void(const StepReport&)>& on_step)
      : group_(group), model_(model), examples_(examples), options_(options), on_step_(on_step) {}

  template <class MakeObjective>
  MemberOutcome operator()(const MakeObjective& make_objective) {
    try {
      // A group of its own: layers are fetched while gradients are on their way.
      if (options_.shard == "parameters") fetches_ = group_.split(0, group_.rank());
      keep_failure([&] { prepare(make_objective()); });
      meet();
      for (std::uint64_t epoch = 0; step_ < steps_; ++epoch) run_epoch(epoch);
      meet();  // what the last update or the last report met
    } catch (const Error& error) {
      if (error.code() == Code::Resumable) throw;
      if (shards_) shards_->restore();
      if (report_failed_) throw;
      return Failed{error, step_};
    }
    const TrainingBytes held = bytes();
    optimizer_.reset();
    reducer_.reset();
    if (shards_) shards_->restore();
    return Trained{steps_, last_loss_, held};
  }

 private:
  // Runs what may fail on this rank alone.
  template <class Work>
  void keep_failure(Work work) {
    if (failure_) return;
    try {
      work();
    } catch (...) {
      failure_ = std::current_exception();
    }
  }

  // All ranks throw the same Error when one of them has kept one. Collective.
  void meet() {
    at::Tensor reported = at::full({1}, my_report_failed_ ? 1 : 0, at::kLong);
    group_.all_reduce_sum(reported);
    report_failed_ = reported.item<std::int64_t>() > 0;
    agree(group_, failure_);
  }

  void prepare(std::unique_ptr<Objective> objective) {
    objective_ = std::move(objective);
    pass_.training = true;
    pass_.bf16 = options_.precision == "bf16";
    if (!pass_.bf16 && options_.precision != "fp32") {
      throw Error(Code::Config, "unknown precision '" + options_.precision + "'",
                  "known: fp32, bf16");
    }
    if (examples_.empty()) throw Error(Code::Data, "there are no examples to train on");
    shapes_ = shapes_of(examples_, objective_->groups_by_user());
    steps_ = steps_of(shapes_, options_);
    schedule_ = std::make_unique<Schedule>(options_.schedule, options_.learning_rate,
                                           options_.warmup, steps_);
    prepare_parameters(objective_->parameters(model_));
    last_report_ = std::chrono::steady_clock::now();
  }

  void prepare_parameters(const NamedTensors& parameters) {
    stage_ = shard_stage(options_);
    if (options_.wire != "fp32" && options_.wire != "bf16") {
      throw Error(Code::Config, "unknown wire '" + options_.wire + "'", "known: fp32, bf16");
    }
    if (options_.bucket_bytes < 1) {
      throw Error(Code::Config, "bucket_bytes is " + std::to_string(options_.bucket_bytes),
                  "expected 1 or more");
    }
    const int ranks = group_.world_size();
    const auto buckets = make_buckets(parameters, options_.bucket_bytes, ranks, stage_ == 3);
    const OptimizerOptions how{options_.optimizer, options_.weight_decay, options_.beta1,
                               options_.beta2, options_.epsilon};
    const bool bf16_wire = options_.wire == "bf16" && ranks > 1;
    // Two towers run each layer twice a pass; recomputed, each run brings gradients of its own. And
    // with parameters in pieces a rank without work in a pass fetches them all before it sums: a
    // rank that sums while it fetches would wait for it for ever.
    const bool overlap =
        stage_ < 3 && !(options_.checkpoint_activations && model_.towers() != nullptr);
    reducer_ = std::make_unique<Reducer>(
        group_, parameters, buckets, ReducerOptions{overlap, bf16_wire, stage_ > 0, stage_ > 1});
    for (const auto& [name, value] : parameters)
      parameter_bytes_ += static_cast<std::int64_t>(value.nbytes());
    if (options_.checkpoint_activations) pass_.layers = &recompute_;
    if (stage_ == 0) {
      optimizer_ = std::make_unique<Optimizer>(parameters, reducer_->gradients(), how);
      return;
    }
    shards_ =
        std::make_unique<ParameterShards>(stage_ == 3 ? *fetches_ : group_, parameters, buckets,
                                          stage_ == 3, options_.checkpoint_activations);
    if (stage_ == 3) pass_.layers = shards_.get();
    std::vector<ParameterSlice> slices;
    for (std::size_t b = 0; b < buckets.size(); ++b) {
      for (ParameterSlice& slice : slices_of_piece(buckets[b], parameters, group_.rank(), ranks,
                                                   shards_->pieces()[b], reducer_->pieces()[b])) {
        slices.push_back(std::move(slice));
      }
    }
    optimizer_ = std::make_unique<Optimizer>(std::move(slices), how, parameters.size());
  }

  [[nodiscard]] TrainingBytes bytes() const {
    return {shards_ ? shards_->bytes() : parameter_bytes_, reducer_->bytes(), optimizer_->bytes()};
  }

  void run_epoch(std::uint64_t epoch) {
    const std::vector<IndexBatch> batches = form_batches(shapes_, batching_of(options_, epoch));
    for (std::size_t b = 0; b < batches.size() && step_ < steps_; ++b) {
      StepReport report;
      report.epoch = static_cast<double>(epoch) +
                     static_cast<double>(b + 1) / static_cast<double>(batches.size());
      report.examples = static_cast<std::int64_t>(batches[b].size());
      report.tokens = tokens_to_read(shapes_, batches[b]);
      run_step(epoch, batches[b], report);
    }
  }

  void run_step(std::uint64_t epoch, const IndexBatch& batch, StepReport& report) {
    StepSums sums;
    differentiate(epoch, batch, sums);
    keep_failure([&] { reducer_->check_late(); });
    sums.failed = failure_ ? 1 : 0;
    sums.reported = my_report_failed_ ? 1 : 0;
    reducer_->sum_over(sums);
    report.communication_seconds = reducer_->traffic().seconds;
    report.wait_seconds = reducer_->traffic().waited;
    if (sums.failed > 0) {
      report_failed_ = sums.reported > 0;
      agree(group_, failure_);
    }
    report.learning_rate = schedule_->at(step_);
    if (sums.weight > 0) {
      report.loss = sums.loss / sums.weight;
      report.gradient_norm = reducer_->gradient_norm() / sums.weight;
      check_finite(report);
      const bool clipped = options_.clip > 0 && report.gradient_norm > options_.clip;
      const double divisor = clipped ? report.gradient_norm / options_.clip : 1.0;
      if (shards_) optimizer_->admit(group_);
      keep_failure([&] { optimizer_->step(report.learning_rate, sums.weight * divisor); });
      if (shards_) shards_->publish();
    }
    ++step_;
    last_loss_ = report.loss;
    report_step(report);
  }

  // Gradients of the ranks' shares of the batch, as sums. Every rank makes the same passes.
  void differentiate(std::uint64_t epoch, const IndexBatch& indices, StepSums& sums) {
    reducer_->begin_step();
    if (shards_) shards_->begin_step();
    std::vector<std::span<const std::int32_t>> parts;
    keep_failure([&] {
      pass_.dropout_key =
          Random(options_.seed, "dropout", {static_cast<std::uint64_t>(step_)}).key();
      parts = parts_of(indices, group_.rank());
    });
    const std::size_t passes = std::max<std::size_t>(1, passes_of(indices));
    for (std::size_t p = 0; p < passes; ++p) {
      reducer_->begin_pass(p + 1 == passes);
      if (shards_) shards_->begin_pass();
      keep_failure([&] {
        if (p < parts.size()) differentiate_part(epoch, parts[p], sums);
      });
      if (shards_) shards_->end_pass();
      reducer_->end_pass();
    }
    if (shards_) shards_->end_step();
  }

  [[nodiscard]] std::vector<std::span<const std::int32_t>> parts_of(const IndexBatch& indices,
                                                                    int rank) const {
    const auto share = share_of_rank(shapes_, indices, rank, group_.world_size());
    return micro_batches(shapes_, share, options_.micro_batch_tokens);
  }

  // Where each pass is summed, as many as the rank with the most micro-batches needs.
  [[nodiscard]] std::size_t passes_of(const IndexBatch& indices) const {
    if (stage_ < 2) return parts_of(indices, group_.rank()).size();
    std::size_t most = 0;
    for (int rank = 0; rank < group_.world_size(); ++rank) {
      most = std::max(most, parts_of(indices, rank).size());
    }
    return most;
  }

  void differentiate_part(std::uint64_t epoch, std::span<const std::int32_t> part, StepSums& sums) {
    Batch batch = make_batch(examples_, part);
    const SummedLoss loss = objective_->loss(model_, batch, epoch, pass_);
    if (loss.weight == 0) return;
    sums.weight += loss.weight;
    sums.loss += loss.sum.item<double>();
    loss.sum.backward();
  }

  // The same numbers, and so the same verdict, on all ranks.
  void check_finite(const StepReport& report) const {
    if (std::isfinite(report.loss) && std::isfinite(report.gradient_norm)) return;
    const char* const what = std::isfinite(report.loss) ? "gradient" : "loss";
    throw Error(Code::Config,
                std::string(what) + " is not finite at step " + std::to_string(step_ + 1) + " of " +
                    std::to_string(steps_) + " (learning rate " +
                    short_number(report.learning_rate) + ")",
                "lower learning_rate, or raise warmup");
  }

  void report_step(StepReport& report) {
    const auto now = std::chrono::steady_clock::now();
    report.step = step_;
    report.steps = steps_;
    report.seconds = std::chrono::duration<double>(now - last_report_).count();
    last_report_ = now;
    if (group_.rank() != 0 || !on_step_ || failure_) return;
    keep_failure([&] { on_step_(report); });
    my_report_failed_ = failure_ != nullptr;
  }

  Communicator& group_;
  Model& model_;
  std::span<const Tokens> examples_;
  const TrainOptions& options_;
  const std::function<void(const StepReport&)>& on_step_;

  std::unique_ptr<Objective> objective_;
  std::unique_ptr<Schedule> schedule_;
  int stage_ = 0;  ///< of sharding
  std::unique_ptr<Communicator> fetches_;
  std::unique_ptr<ParameterShards> shards_;
  std::unique_ptr<Reducer> reducer_;
  std::unique_ptr<Optimizer> optimizer_;
  Recompute recompute_;
  std::int64_t parameter_bytes_ = 0;
  ExampleShapes shapes_;
  Pass pass_;
  std::int64_t steps_ = 0;
  std::int64_t step_ = 0;  ///< steps that are done
  double last_loss_ = 0;
  std::chrono::steady_clock::time_point last_report_;
  std::exception_ptr failure_;     ///< of this rank, not yet known to the others
  bool my_report_failed_ = false;  ///< failure_ came from on_step
  bool report_failed_ = false;     ///< on some rank: the caller's exception, not the member's
};

}  // namespace

MemberOutcome train(Communicator& group, Model& model, const Head& head,
                    std::span<const Tokens> examples, const TrainOptions& options,
                    const std::function<void(const StepReport&)>& on_step) {
  return Run(group, model, examples, options, on_step)([&] { return make_task_objective(head); });
}

MemberOutcome pretrain(Communicator& group, Model& model, const Tokenizer& tokenizer,
                       std::span<const Tokens> texts, const TrainOptions& options,
                       const std::function<void(const StepReport&)>& on_step) {
  return Run(group, model, texts, options,
             on_step)([&] { return make_language_objective(model, tokenizer, options); });
}

std::int64_t count_steps(std::span<const Tokens> examples, const TrainOptions& options,
                         bool by_user) {
  return steps_of(shapes_of(examples, by_user), options);
}

}  // namespace tutti
