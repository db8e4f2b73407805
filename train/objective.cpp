#include "tutti/train/objective.hpp"

#include "tutti/data/error.hpp"
#include "tutti/data/random.hpp"

#include <ATen/ATen.h>

#include <string>

namespace tutti {

namespace {

class TaskObjective final : public Objective {
 public:
  explicit TaskObjective(const Head& head) : head_(head) {}

  [[nodiscard]] bool groups_by_user() const noexcept override { return head_.groups_by_user(); }

  [[nodiscard]] SummedLoss loss(Model& model, Batch& batch, std::uint64_t /*epoch*/,
                                const Pass& pass) const override {
    const double weight = head_.loss_weight(batch);
    if (weight == 0) return {};
    return {weight, head_.loss_sum(model.logits(batch, pass), batch)};
  }

 private:
  const Head& head_;
};

/// Where logits are needed, and what should be there.
struct Targets {
  std::vector<std::int64_t> positions;
  std::vector<std::int64_t> tokens;
};

class LanguageObjective : public Objective {
 public:
  [[nodiscard]] NamedTensors parameters(Model& model) const override {
    NamedTensors all = model.named_parameters();
    for (auto& parameter : model.language_parameters()) all.push_back(std::move(parameter));
    return all;
  }

  [[nodiscard]] SummedLoss loss(Model& model, Batch& batch, std::uint64_t epoch,
                                const Pass& pass) const override {
    const Targets targets = choose(batch, epoch);
    if (targets.positions.empty()) return {};
    const at::Tensor logits = model.language_logits(batch, targets.positions, pass);
    const at::Tensor want = at::tensor(targets.tokens, at::kLong).to(logits.device());
    return {static_cast<double>(targets.tokens.size()),
            at::cross_entropy_loss(logits, want, {}, at::Reduction::Sum)};
  }

 private:
  [[nodiscard]] virtual Targets choose(Batch& batch, std::uint64_t epoch) const = 0;
};

class MaskedObjective final : public LanguageObjective {
 public:
  MaskedObjective(const Tokenizer& tokenizer, const TrainOptions& options)
      : tokenizer_(tokenizer), mask_(options.mask), seed_(options.seed) {}

 private:
  [[nodiscard]] bool ordinary(TokenId id) const {
    const SpecialTokens& special = tokenizer_.special();
    return id != special.begin && id != special.end && id != special.pad;
  }

  [[nodiscard]] Targets choose(Batch& batch, std::uint64_t epoch) const override {
    Targets targets;
    for (std::size_t i = 0; i < batch.rows.size(); ++i) {
      Random random(seed_, "mask", {epoch, static_cast<std::uint64_t>(batch.rows[i])});
      for (std::int32_t t = batch.offsets[i]; t < batch.offsets[i + 1]; ++t) {
        TokenId& id = batch.ids[static_cast<std::size_t>(t)];
        if (!ordinary(id) || random.uniform() >= mask_) continue;
        targets.positions.push_back(t);
        targets.tokens.push_back(id);
        const double draw = random.uniform();
        if (draw < 0.8) {
          id = tokenizer_.special().mask;
        } else if (draw < 0.9) {
          id = static_cast<TokenId>(
              random.below(static_cast<std::uint64_t>(tokenizer_.vocab_size())));
        }
      }
    }
    return targets;
  }

  const Tokenizer& tokenizer_;
  double mask_;
  std::uint64_t seed_;
};

class CausalObjective final : public LanguageObjective {
 private:
  [[nodiscard]] Targets choose(Batch& batch, std::uint64_t /*epoch*/) const override {
    Targets targets;
    for (std::size_t i = 0; i < batch.rows.size(); ++i) {
      for (std::int32_t t = batch.offsets[i]; t + 1 < batch.offsets[i + 1]; ++t) {
        targets.positions.push_back(t);
        targets.tokens.push_back(batch.ids[static_cast<std::size_t>(t) + 1]);
      }
    }
    return targets;
  }
};

}  // namespace

std::unique_ptr<Objective> make_task_objective(const Head& head) {
  return std::make_unique<TaskObjective>(head);
}

std::unique_ptr<Objective> make_language_objective(const Model& model, const Tokenizer& tokenizer,
                                                   const TrainOptions& options) {
  if (options.objective != "mlm" && options.objective != "clm") {
    throw Error(Code::Config, "unknown objective of pre-training '" + options.objective + "'",
                "known: mlm (encoders), clm (decoders)");
  }
  const bool causal = options.objective == "clm";
  if (causal != model.causal()) {
    throw Error(Code::Config,
                "objective '" + options.objective + "' does not fit this model, which is " +
                    (model.causal() ? "a decoder" : "an encoder"),
                std::string("use objective = \"") + (model.causal() ? "clm\"" : "mlm\""));
  }
  if (causal) return std::make_unique<CausalObjective>();
  if (tokenizer.special().mask < 0) {
    throw Error(Code::Config, "objective 'mlm' needs a mask token, and the tokenizer has none");
  }
  if (!(options.mask > 0 && options.mask <= 1)) {
    throw Error(Code::Config, "mask is " + std::to_string(options.mask),
                "expected a fraction of the tokens above 0, at most 1");
  }
  return std::make_unique<MaskedObjective>(tokenizer, options);
}

}  // namespace tutti
