#include "tutti/train/two_tower.hpp"

#include "tutti/data/error.hpp"
#include "tutti/data/random.hpp"
#include "tutti/train/communicator.hpp"
#include "tutti/train/head.hpp"
#include "tutti/train/trainer.hpp"

#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <cmath>
#include <map>

#include "model_support.hpp"

namespace tutti::test {
namespace {

using ::testing::HasSubstr;

constexpr double kOrderOfSums = 1e-5;  // fp32: many small gradients against one sum

constexpr TokenId kItems = 9;

std::vector<TokenId> user_text(std::int32_t user) {
  std::vector<TokenId> out;
  for (std::int32_t t = 0; t < 4 + user; ++t) {
    out.push_back(static_cast<TokenId>(1 + (user * 5 + t * 3) % 14));
  }
  return out;
}

std::vector<TokenId> item_text(std::int32_t item) {
  std::vector<TokenId> out = {static_cast<TokenId>(15 + item)};
  out.resize(2 + static_cast<std::size_t>(item) % 3, static_cast<TokenId>(24 + item % 6));
  return out;
}

/// Pairs of five users and nine items, most of them more than once.
std::vector<Tokens> pairs(int count) {
  Random random(4, "pairs");
  std::vector<Tokens> out;
  for (int i = 0; i < count; ++i) {
    Tokens pair;
    pair.row = 500 + i;
    pair.user = static_cast<std::int32_t>(random.below(5));
    const auto item = static_cast<std::int32_t>(random.below(kItems));
    pair.label = (pair.user + item) % 3 == 0 ? 1.0 : 0.0;
    pair.encoding.ids = user_text(pair.user);
    pair.split = static_cast<std::int32_t>(pair.encoding.ids.size());
    const auto more = item_text(item);
    pair.encoding.ids.insert(pair.encoding.ids.end(), more.begin(), more.end());
    pair.encoding.types.assign(pair.encoding.ids.size(), 0);
    out.push_back(std::move(pair));
  }
  return out;
}

std::unique_ptr<Model> towers(const std::string& type, int labels, TowerOptions options = {},
                              double dropout = 0.0) {
  options.size = 6;
  return make_two_tower(tiny_model(type, dropout), labels, options, 11);
}

std::unique_ptr<Model> plain_towers(const std::string& type, int labels, double dropout = 0.0) {
  TowerOptions options;
  options.share = false;
  return towers(type, labels, options, dropout);
}

struct Differentiated {
  double loss = 0;
  std::vector<std::pair<std::string, at::Tensor>> gradients;
};

Differentiated differentiate(Model& model, const Head& head, const Batch& batch, const Pass& pass) {
  const at::Tensor loss = head.loss_sum(model.logits(batch, pass), batch);
  loss.backward();
  Differentiated out;
  out.loss = loss.item<double>();
  for (auto& [name, value] : model.named_parameters()) {
    out.gradients.emplace_back(name, value.grad());
    value.mutable_grad().reset();
  }
  return out;
}

class TwoTowers : public ::testing::TestWithParam<std::string> {};

TEST_P(TwoTowers, LossAndGradientsAreThoseOfEncodingEveryTextForEveryPair) {
  const Batch batch = batch_of(pairs(40));
  for (const char* name : {"classification", "regression", "ranking"}) {
    for (const double dropout : {0.0, 0.3}) {
      const auto head = HeadRegistry::make(name, HeadOptions{});
      const Pass pass{dropout > 0, 77, false};
      const auto shared = towers(GetParam(), head->num_labels(), {}, dropout);
      const auto plain = plain_towers(GetParam(), head->num_labels(), dropout);
      const Differentiated a = differentiate(*shared, *head, batch, pass);
      const Differentiated b = differentiate(*plain, *head, batch, pass);
      EXPECT_NEAR(a.loss, b.loss, kOrderOfSums * std::abs(b.loss)) << name;
      ASSERT_EQ(a.gradients.size(), b.gradients.size());
      int moved = 0;
      for (std::size_t i = 0; i < a.gradients.size(); ++i) {
        const auto& [parameter, want] = b.gradients[i];
        ASSERT_EQ(a.gradients[i].second.defined(), want.defined()) << parameter;
        if (!want.defined()) continue;
        const double largest = want.abs().max().item<double>();
        moved += largest > 0 ? 1 : 0;
        EXPECT_LT(distance(a.gradients[i].second, want), kOrderOfSums * (1 + largest))
            << name << ": " << parameter;
      }
      EXPECT_GT(moved, 10);
    }
  }
}

/// Counts the texts that a backbone reads.
class Counting final : public Model {
 public:
  Counting(std::unique_ptr<Model> inner, std::int64_t& texts)
      : inner_(std::move(inner)), texts_(texts) {}
  at::Tensor logits(const Batch&, const Pass&) override { return {}; }
  at::Tensor language_logits(const Batch&, std::span<const std::int64_t>, const Pass&) override {
    return {};
  }
  at::Tensor hidden(const Batch& batch, const Pass& pass) override {
    texts_ += batch.examples();
    return inner_->hidden(batch, pass);
  }
  [[nodiscard]] bool causal() const noexcept override { return false; }
  std::vector<std::pair<std::string, at::Tensor>> named_parameters() override {
    return inner_->named_parameters();
  }
  std::vector<std::pair<std::string, at::Tensor>> language_parameters() override { return {}; }
  [[nodiscard]] std::string config_json() const override { return inner_->config_json(); }

 private:
  std::unique_ptr<Model> inner_;
  std::int64_t& texts_;
};

TEST_P(TwoTowers, ReadEachDistinctTextOnce) {
  const auto count = [&](const TowerOptions& options, const auto& use) {
    std::int64_t texts = 0;
    const auto model =
        make_two_tower(std::make_unique<Counting>(tiny_model(GetParam()), texts), 2, options, 11);
    use(*model);
    return texts;
  };
  const std::vector<Tokens> examples = pairs(80);
  const auto one_batch = [&](Model& model) { model.logits(batch_of(examples), {}); };
  EXPECT_EQ(count({}, one_batch), 5 + kItems);
  TowerOptions plain;
  plain.share = false;
  EXPECT_EQ(count(plain, one_batch), 160);
  // Scoring: once over all batches, whatever their size.
  EXPECT_EQ(count({},
                  [&](Model& model) {
                    predict(*make_single_communicator(), model, examples, 16, false);
                  }),
            5 + kItems);
}

TEST_P(TwoTowers, LogitsAreTheFormulaOfTheHeader) {
  const at::NoGradGuard no_grad;
  const auto model = towers(GetParam(), 2);
  const std::vector<Tokens> some = pairs(7);
  const at::Tensor logits = model->logits(batch_of(some), {});
  std::map<std::string, at::Tensor> weights;
  for (const auto& [name, value] : model->named_parameters()) weights[name] = value;
  const auto mean_of = [&](const std::vector<TokenId>& ids) {
    Tokens text;
    text.row = 1;
    text.encoding.ids = ids;
    text.encoding.types.assign(ids.size(), 0);
    return model->hidden(batch_of({text}), {}).mean(0);
  };
  for (std::size_t e = 0; e < some.size(); ++e) {
    const auto& ids = some[e].encoding.ids;
    const at::Tensor u = at::linear(mean_of({ids.begin(), ids.begin() + some[e].split}),
                                    weights["towers.user.weight"], weights["towers.user.bias"]);
    const at::Tensor v = at::linear(mean_of({ids.begin() + some[e].split, ids.end()}),
                                    weights["towers.item.weight"], weights["towers.item.bias"]);
    const at::Tensor want =
        weights["towers.scale"] * u.dot(v) / std::sqrt(6.0) + weights["towers.bias"];
    EXPECT_LT(distance(logits[static_cast<std::int64_t>(e)], want), 2e-6) << "example " << e;
  }
  EXPECT_GT(distance(logits[0], logits[1]), 1e-4);
}

TEST_P(TwoTowers, TheClassifierOfTheBackboneIsNoParameter) {
  const auto model = towers(GetParam(), 2);
  for (const auto& [name, value] : model->named_parameters()) {
    EXPECT_THAT(name, ::testing::Not(::testing::StartsWith("classifier."))) << name;
    EXPECT_NE(name, "score.weight");
  }
}

using Losses = std::vector<double>;

Losses train_on(int ranks, const std::string& type, const Head& head, const TowerOptions& towers_of,
                const TrainOptions& options, const std::vector<Tokens>& examples) {
  Losses out;
  run_on_threads(ranks, [&](Communicator& group) {
    const auto model = towers(type, head.num_labels(), towers_of, 0.1);
    const MemberOutcome outcome =
        train(group, *model, head, examples, options,
              [&](const StepReport& report) { out.push_back(report.loss); });
    EXPECT_TRUE(std::holds_alternative<Trained>(outcome));
  });
  return out;
}

TrainOptions quick_options() {
  TrainOptions options;
  options.epochs = 3;
  options.batch_tokens = 30;
  options.learning_rate = 3e-3;
  return options;
}

TEST_P(TwoTowers, TrainAlikeSharedPlainInPiecesAndOnManyRanks) {
  const std::vector<Tokens> examples = pairs(60);
  for (const char* name : {"classification", "ranking"}) {
    const auto head = HeadRegistry::make(name, HeadOptions{});
    const Losses one = train_on(1, GetParam(), *head, {}, quick_options(), examples);
    ASSERT_GT(one.size(), 5U);
    TowerOptions plain;
    plain.share = false;
    TrainOptions pieces = quick_options();
    pieces.micro_batch_tokens = 12;
    for (const Losses& other : {train_on(1, GetParam(), *head, plain, quick_options(), examples),
                                train_on(1, GetParam(), *head, {}, pieces, examples),
                                train_on(2, GetParam(), *head, {}, quick_options(), examples),
                                train_on(3, GetParam(), *head, {}, quick_options(), examples)}) {
      ASSERT_EQ(other.size(), one.size());
      for (std::size_t i = 0; i < one.size(); ++i) {
        EXPECT_NEAR(other[i], one[i], kOrderOfSums) << name << " step " << i;
      }
    }
  }
}

TEST_P(TwoTowers, PredictIsLogitsOnAnyNumberOfRanks) {
  const at::NoGradGuard no_grad;
  const std::vector<Tokens> examples = pairs(33);
  const auto model = towers(GetParam(), 2);
  const at::Tensor want = model->logits(batch_of(examples), {});
  const auto single = make_single_communicator();
  const std::vector<float> got = predict(*single, *model, examples, 16, false);
  ASSERT_EQ(got.size(), 66U);
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_NEAR(got[i], want.view({-1})[static_cast<std::int64_t>(i)].item<float>(), 2e-6);
  }
  for (const int ranks : {2, 4}) {
    run_on_threads(ranks, [&](Communicator& group) {
      EXPECT_EQ(predict(group, *towers(GetParam(), 2), examples, 16, false), got);
    });
  }
}

INSTANTIATE_TEST_SUITE_P(Backbones, TwoTowers, ::testing::ValuesIn(ModelRegistry::names()),
                         [](const auto& test) { return test.param; });

TEST(EncodingCacheTest, ServesForSoManyStepsAfterTheOneThatMadeIt) {
  EncodingCache cache(2);
  cache.enter_step(10);
  EXPECT_EQ(cache.find("a"), nullptr);
  cache.put("a", at::ones({1}));
  EXPECT_EQ(cache.find("a"), nullptr)
      << "another micro-batch of its own step must differentiate it";
  cache.enter_step(10);
  EXPECT_EQ(cache.find("a"), nullptr);
  cache.enter_step(11);
  EXPECT_NE(cache.find("a"), nullptr);
  cache.enter_step(12);
  EXPECT_NE(cache.find("a"), nullptr);
  cache.enter_step(13);
  EXPECT_EQ(cache.find("a"), nullptr);
}

TEST(TwoTowerCache, KeepsItemsAndNeverUsers) {
  TowerOptions options;
  options.cache_steps = 1;
  const auto model = towers("bert", 2, options);
  const Batch batch = batch_of(pairs(20));
  const auto head = HeadRegistry::make("classification", HeadOptions{});
  const auto gradient = [&](std::uint64_t key) {
    const Differentiated all = differentiate(*model, *head, batch, {true, key, false});
    for (const auto& [name, value] : all.gradients) {
      if (name == "bert.embeddings.word_embeddings.weight") return value;
    }
    return at::Tensor();
  };
  const at::Tensor first = gradient(1);
  const at::Tensor second = gradient(2);  // items come from the first step
  const at::Tensor third = gradient(3);
  EXPECT_EQ(distance(first, third), 0.0);
  // Token 24 is in items alone, token 1 in users alone.
  EXPECT_GT(first[24].abs().max().item<double>(), 0.0);
  EXPECT_EQ(second[24].abs().max().item<double>(), 0.0);
  EXPECT_GT(second[1].abs().max().item<double>(), 0.0);
  // Scoring does not look at it.
  const at::NoGradGuard no_grad;
  const auto fresh = towers("bert", 2);
  EXPECT_EQ(distance(model->logits(batch, {}), fresh->logits(batch, {})), 0.0);
}

class TowerFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::temp_directory_path() / ("tutti-towers-" + std::to_string(::getpid()));
    std::filesystem::remove_all(root_);
    make_folder(root_);
    BackboneOptions options;
    options.type = "gpt2";
    options.layers = 1;
    options.hidden = 8;
    options.heads = 2;
    options.max_positions = 32;
    options.tokenizer = "train";
    options.vocab_size = 270;
    made_ = make_model(options, 2, "single_label_classification", 3, {});
    made_.model = make_two_tower(std::move(made_.model), 2, {}, 5);
    save_model(*made_.model, *made_.tokenizer, root_ / "m");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::string refusal() {
    try {
      load_model(root_ / "m");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::Data);
      return error.what();
    }
    return "no error";
  }

  Path root_;
  ModelAndTokenizer made_;
};

TEST_F(TowerFolder, ComesBackAsItWas) {
  const at::NoGradGuard no_grad;
  const auto loaded = load_model(root_ / "m");
  ASSERT_NE(loaded.model->towers(), nullptr);
  const Batch batch = batch_of(pairs(9));
  EXPECT_EQ(distance(loaded.model->logits(batch, {}), made_.model->logits(batch, {})), 0.0);
  EXPECT_THAT(read_file(root_ / "m" / "config.json"), HasSubstr("GPT2Model"));
}

TEST_F(TowerFolder, RefusesTowersThatDoNotFit) {
  const std::string good = read_file(root_ / "m" / "towers.json");
  write_file(root_ / "m" / "towers.json", R"({"size": 127, "num_labels": 2})");
  EXPECT_THAT(refusal(), HasSubstr("towers.safetensors: tensor 'user.weight'"));
  write_file(root_ / "m" / "towers.json", R"({"size": "big", "num_labels": 2})");
  EXPECT_THAT(refusal(), HasSubstr("towers.json: size"));
  write_file(root_ / "m" / "towers.json", "{");
  EXPECT_THAT(refusal(), HasSubstr("towers.json"));
  write_file(root_ / "m" / "towers.json", good);
  EXPECT_EQ(refusal(), "no error");
}

}  // namespace
}  // namespace tutti::test
