#include "tutti/data/error.hpp"
#include "tutti/train/head.hpp"

#include <ATen/ATen.h>

#include <cmath>
#include <map>
#include <utility>
#include <vector>

// Pairs within a user: the item that was liked more should score higher. Loss of a pair:
// log(1 + exp(-(s_better - s_worse))) (BPR: Rendle et al. 2009; RankNet: Burges et al. 2005).

namespace tutti {

namespace {

struct Pairs {
  std::vector<std::int64_t> better, worse;
};

// All pairs of a user's examples whose labels differ, in the batch's order.
Pairs find_pairs(const Batch& batch) {
  std::map<std::int32_t, std::vector<std::size_t>> by_user;
  for (std::size_t i = 0; i < batch.users.size(); ++i) by_user[batch.users[i]].push_back(i);
  Pairs pairs;
  for (const auto& [user, examples] : by_user) {
    for (const std::size_t a : examples) {
      for (const std::size_t b : examples) {
        if (!(batch.labels[a] > batch.labels[b])) continue;
        pairs.better.push_back(static_cast<std::int64_t>(a));
        pairs.worse.push_back(static_cast<std::int64_t>(b));
      }
    }
  }
  return pairs;
}

class Ranking final : public Head {
 public:
  explicit Ranking(const HeadOptions& options) {
    if (options.num_labels > 1) {
      throw Error(Code::Config,
                  "head: ranking with " + std::to_string(options.num_labels) + " labels",
                  "use num_labels 1");
    }
    if (options.task == "rating") {
      throw Error(Code::Config, "head: ranking gives no ratings", "use task click or rank");
    }
  }

  [[nodiscard]] int num_labels() const noexcept override { return 1; }

  [[nodiscard]] at::Tensor loss_sum(const at::Tensor& logits, const Batch& batch) const override {
    const Pairs pairs = find_pairs(batch);
    const at::Tensor scores = logits.to(at::kFloat).view({-1});
    if (pairs.better.empty()) return scores.sum() * 0.0;  // no pair, but a gradient to add up
    const at::Tensor better = at::tensor(pairs.better).to(scores.device());
    const at::Tensor worse = at::tensor(pairs.worse).to(scores.device());
    return at::softplus(scores.index_select(0, worse) - scores.index_select(0, better)).sum();
  }

  [[nodiscard]] double loss_weight(const Batch& batch) const override {
    return static_cast<double>(find_pairs(batch).better.size());
  }

  [[nodiscard]] bool groups_by_user() const noexcept override { return true; }

  void scores(std::span<const float> logits, std::span<double> out) const override {
    TUTTI_ASSERT(logits.size() == out.size(), "scores: sizes");
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = 1.0 / (1.0 + std::exp(-static_cast<double>(logits[i])));
    }
  }

  [[nodiscard]] std::string problem_type() const override { return "regression"; }
};

const bool registered = HeadRegistry::add("ranking", "pairwise logistic loss within a user",
                                          [](const HeadOptions& options) -> std::unique_ptr<Head> {
                                            return std::make_unique<Ranking>(options);
                                          });

}  // namespace

}  // namespace tutti
