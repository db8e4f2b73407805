#include "tutti/launch/member_run.hpp"

#include "tutti/data/error.hpp"
#include "tutti/data/predictions.hpp"
#include "tutti/data/store.hpp"
#include "tutti/ensemble/scorer.hpp"
#include "tutti/launch/command.hpp"
#include "tutti/launch/member_tokens.hpp"
#include "tutti/launch/preflight.hpp"
#include "tutti/launch/step_log.hpp"
#include "tutti/train/communicator.hpp"
#include "tutti/train/head.hpp"
#include "tutti/train/model.hpp"
#include "tutti/train/towers.hpp"
#include "tutti/train/trainer.hpp"

#include <chrono>
#include <cmath>
#include <exception>
#include <memory>
#include <set>
#include <utility>

namespace tutti {

namespace {

using Clock = std::chrono::steady_clock;

// Learning a vocabulary looks at so many examples at most: more change little.
constexpr Row kVocabularyExamples = 20000;

// Thrown on all ranks of the group alike, or the job ends.
struct MemberFailed {
  Failed why;
};

TowerOptions tower_options(const MemberConfig& member) {
  TowerOptions options;
  options.size = member.tower_size;
  options.cache_steps = member.encoding_cache_steps;
  return options;
}

// Runs what can fail on one rank alone; all ranks of the group fail alike, or none.
template <class Work>
void locally(Communicator& group, Work work) {
  try {
    agree_on(group, work);
  } catch (const Error& error) {
    if (error.code() == Code::Resumable) throw;  // the transport itself broke
    throw MemberFailed{{error, 0}};
  }
}

class MemberRun {
 public:
  MemberRun(const Config& config, int member, const Store& store, Communicator& group,
            const Path& members_folder, const std::function<void(const Progress&)>& on_progress)
      : config_(config),
        member_(config.members[static_cast<std::size_t>(member)]),
        seed_(member_seed(config, member_)),
        store_(store),
        group_(group),
        leads_(group.rank() == 0),
        folder_(members_folder / member_.name),
        tokens_folder_(members_folder.parent_path() / "tokens") {
    locally(group_, [&] {
      if (leads_) make_folder(folder_);
      steps_ = std::make_unique<StepLog>(leads_ ? folder_ / "metrics.jsonl" : Path(), member,
                                         on_progress);
    });
  }

  void run(Done& outcome) {
    locally(group_, [&] { prepare(); });
    tokenise_views();
    const ModelSize size = model_size(*made_.model);
    outcome.parameters = static_cast<double>(size.parameters);
    outcome.layers = static_cast<double>(size.trainable_layers);
    outcome.training_rows = static_cast<std::int64_t>(training_.size());
    if (member_.pretrain.objective != "none") pretrain_it();
    const Trained trained = fine_tune();
    outcome.steps = trained.steps;
    outcome.last_loss = trained.last_loss;
    Predictions predictions = score();
    locally(group_, [&] { write(predictions, outcome); });
  }

 private:
  void prepare() {
    steps_->announce("prepare");
    views_.push_back(training_view(store_, member_.data, config_.experiment.seed, member_.name));
    const Dataset& view = *views_.front();
    check_leaks(store_, view, member_.name);
    head_ = HeadRegistry::make(member_.head, head_options(config_, member_));
    const std::vector<std::string> texts = vocabulary_texts(view);
    made_ = make_model(resolved_backbone(member_), head_->num_labels(), head_->problem_type(),
                       seed_, texts);
    if (member_.kind == "two-tower") {
      made_.model = make_two_tower(std::move(made_.model), head_->num_labels(),
                                   tower_options(member_), seed_);
    }
    if (member_.pretrain.objective != "none") texts_ = pretraining_texts(view);
    for (const Part part : {Part::Validation, Part::Test}) {
      views_.push_back(evaluation_view(store_, part, member_.data));
      check_evaluation_leaks(store_, *views_.back(), part, member_.name);
    }
  }

  void tokenise_views() {
    if (member_.kind == "two-tower") {  // tokenises each distinct text once by itself
      locally(group_, [&] {
        for_each_view([&](const Dataset& view, Part /*part*/, std::vector<Tokens>& to) {
          to = tokenise_for(*made_.model, view, *made_.tokenizer, member_.train.max_length);
        });
      });
    } else {
      const MemberTokens tokens(tokens_folder_, store_, member_, config_.experiment.seed,
                                *made_.tokenizer);
      locally(group_, [&] {
        if (!leads_) return;
        for_each_view([&](const Dataset& view, Part part, std::vector<Tokens>& /*to*/) {
          tokens.prepare(view, part);
        });
      });
      locally(group_, [&] {
        for_each_view([&](const Dataset& view, Part part, std::vector<Tokens>& to) {
          to = tokens.read(view, part);
        });
      });
    }
    views_.clear();
  }

  // Calls use(view, part, the tokens that it becomes).
  template <class Use>
  void for_each_view(Use use) {
    use(*views_[0], Part::Train, training_);
    use(*views_[1], Part::Validation, validation_);
    use(*views_[2], Part::Test, test_);
  }

  // Every distinct item text, then texts of examples, in a fixed order.
  [[nodiscard]] std::vector<std::string> vocabulary_texts(const Dataset& view) const {
    if (member_.backbone.tokenizer != "train" || !member_.backbone.folder.empty()) return {};
    std::vector<std::string> out;
    const Row step = std::max<Row>(1, view.size() / kVocabularyExamples);
    for (Row i = 0; i < view.size(); i += step) {
      Example example = view.get(i);
      if (!example.text.empty()) out.push_back(std::move(example.text));
      out.push_back(std::move(example.text_pair));
    }
    return out;
  }

  [[nodiscard]] std::vector<Tokens> pretraining_texts(const Dataset& view) const {
    const int length = member_.pretrain.max_length;
    std::vector<Tokens> out = tokenise(view, *made_.tokenizer, length);
    std::set<std::string> seen;
    for (Row i = 0; i < view.size(); ++i) {
      const Example example = view.get(i);
      if (!seen.insert(example.text_pair).second) continue;
      Tokens item;
      item.row = example.row;
      item.user = example.user;
      item.encoding = made_.tokenizer->encode_pair(example.text_pair, {}, length);
      out.push_back(std::move(item));
    }
    return out;
  }

  [[nodiscard]] TrainOptions training_options() const {
    TrainOptions options = member_.train;
    options.seed = seed_;
    options.objective = "task";
    return options;
  }

  void pretrain_it() {
    TrainOptions options = training_options();
    options.objective = member_.pretrain.objective;
    options.epochs = member_.pretrain.epochs;
    options.learning_rate = member_.pretrain.learning_rate;
    options.batch_tokens = member_.pretrain.batch_tokens;
    options.batch_examples = 0;
    options.max_steps = 0;
    options.max_length = member_.pretrain.max_length;
    options.mask = member_.pretrain.mask;
    steps_->begin("pretrain");
    result(pretrain(group_, *made_.model, *made_.tokenizer, texts_, options,
                    [&](const StepReport& report) { steps_->step(report); }));
    texts_.clear();
  }

  Trained fine_tune() {
    steps_->begin("train");
    return result(train(group_, *made_.model, *head_, training_, training_options(),
                        [&](const StepReport& report) { steps_->step(report); }));
  }

  static Trained result(const MemberOutcome& outcome) {
    if (const auto* failed = std::get_if<Failed>(&outcome)) {
      throw MemberFailed{*failed};
    }
    return std::get<Trained>(outcome);
  }

  Predictions score() {
    steps_->announce("predict");
    ScoringOptions options;
    options.bf16 = member_.score_precision == "bf16";
    Predictions out;
    out.member = member_.name;
    out.head = member_.head;
    try {
      out.validation = predict_set(group_, *made_.model, *head_, store_, validation_, options);
      out.test = predict_set(group_, *made_.model, *head_, store_, test_, options);
    } catch (const Error& error) {
      // All ranks of the group throw it alike; only a broken transport ends the job.
      if (error.code() == Code::Resumable) throw;
      throw MemberFailed({error, 0});
    }
    check_finite(out.validation, "validation");
    check_finite(out.test, "test");
    return out;
  }

  // The last update of a training that diverges shows only here. Every rank has all scores.
  static void check_finite(const PredictionSet& set, const std::string& part) {
    for (std::size_t i = 0; i < set.score.size(); ++i) {
      if (std::isfinite(set.score[i])) continue;
      throw MemberFailed({Error(Code::Data,
                                "the score of " + part + " row " + std::to_string(set.row[i]) +
                                    " is not finite: training has diverged",
                                "lower learning_rate, or set clip"),
                          0});
    }
  }

  void write(const Predictions& predictions, const Done& outcome) {
    if (!leads_) return;
    write_predictions(folder_ / "predictions.h5", predictions);
    save_model(*made_.model, *made_.tokenizer, folder_ / "model");
    write_file(folder_ / "log.txt",
               "member " + member_.name + "\nparameters " +
                   std::to_string(static_cast<std::int64_t>(outcome.parameters)) +
                   "\ntraining rows " + std::to_string(outcome.training_rows) + "\nsteps " +
                   std::to_string(outcome.steps) + "\nlast loss " +
                   std::to_string(outcome.last_loss) + "\n");
    steps_->close();
  }

  const Config& config_;
  const MemberConfig& member_;
  std::uint64_t seed_;
  const Store& store_;
  Communicator& group_;
  bool leads_;
  Path folder_;
  Path tokens_folder_;
  std::unique_ptr<StepLog> steps_;
  std::unique_ptr<Head> head_;
  ModelAndTokenizer made_;
  std::vector<std::unique_ptr<Dataset>> views_;  // training, validation, test
  std::vector<Tokens> training_;
  std::vector<Tokens> texts_;
  std::vector<Tokens> validation_;
  std::vector<Tokens> test_;
};

}  // namespace

HeadOptions head_options(const Config& config, const MemberConfig& member) {
  HeadOptions options;
  options.task = config.data.task;
  options.num_labels = member.num_labels;
  options.rating_min = config.data.cleaning.rating_min;
  options.rating_max = config.data.cleaning.rating_max;
  return options;
}

Done run_member(const Config& config, int member, const Store& store, Communicator& group,
                const Path& members_folder,
                const std::function<void(const Progress&)>& on_progress) {
  const auto begin = Clock::now();
  Done outcome;
  outcome.member = member;
  try {
    MemberRun(config, member, store, group, members_folder, on_progress).run(outcome);
    outcome.trained = true;
  } catch (const MemberFailed& failed) {
    outcome.code = static_cast<int>(failed.why.reason.code());
    outcome.reason = failed.why.reason.what();
    outcome.step = failed.why.step;
  } catch (const std::exception& error) {
    // Alone, a rank can give up one member and go on; in a group the others wait for it.
    if (group.world_size() > 1) throw;
    outcome.code = static_cast<int>(code_of(error));
    outcome.reason = error.what();
  }
  outcome.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return outcome;
}

}  // namespace tutti
