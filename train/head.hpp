#pragma once

#include "tutti/data/batch.hpp"
#include "tutti/data/registry.hpp"

#include <memory>
#include <span>
#include <string>

namespace at {
class Tensor;
}

namespace tutti {

struct HeadOptions {
  std::string task = "click";  ///< click | rating | rank
  int num_labels =
      0;  ///< 0: what the head and the task suggest (click: 2, rating: one a class, else 1)
  double rating_min = 1.0;  ///< classes of a rating are spread evenly over rating_min .. rating_max
  double rating_max = 5.0;
};

/// What a member learns from its logits, and how they become a score.
class Head {
 public:
  static constexpr const char* kKind = "head";
  virtual ~Head() = default;

  [[nodiscard]] virtual int num_labels() const noexcept = 0;
  /// Sum (not mean) over the batch of each example's loss, a scalar with gradient; `logits`
  /// [examples, num_labels] fp32. The caller divides by loss_weight summed over the global batch,
  /// so that the result does not depend on how a global batch is laid over ranks and micro-batches.
  [[nodiscard]] virtual at::Tensor loss_sum(const at::Tensor& logits, const Batch& batch) const = 0;
  /// What loss_sum is a sum over: examples, or pairs for a ranking loss.
  [[nodiscard]] virtual double loss_weight(const Batch& batch) const = 0;
  /// Must all of a user's examples of a global batch be in one micro-batch? (A ranking loss
  /// compares within a user.)
  [[nodiscard]] virtual bool groups_by_user() const noexcept { return false; }
  /// logits [examples][num_labels] -> score [examples]: click, rank: probability of a positive;
  /// rating: expected rating.
  virtual void scores(std::span<const float> logits, std::span<double> out) const = 0;
  /// transformers' name for config.json: "single_label_classification" or "regression".
  [[nodiscard]] virtual std::string problem_type() const = 0;
};

using HeadRegistry = Registry<Head, const HeadOptions&>;

}  // namespace tutti
