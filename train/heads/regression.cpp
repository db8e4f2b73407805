#include "tutti/data/error.hpp"
#include "tutti/train/head.hpp"
#include "tutti/train/heads/rating_range.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

// One number, by squared error. The logit is the prediction itself, as in transformers.

namespace tutti {

namespace {

class Regression final : public Head {
 public:
  explicit Regression(const HeadOptions& options) {
    if (options.num_labels > 1) {
      throw Error(Code::Config,
                  "head: regression with " + std::to_string(options.num_labels) + " labels",
                  "use num_labels 1");
    }
    if (options.task == "rating") {
      check_rating_range(options);
      low_ = options.rating_min;
      high_ = options.rating_max;
    }
  }

  [[nodiscard]] int num_labels() const noexcept override { return 1; }

  [[nodiscard]] at::Tensor loss_sum(const at::Tensor& logits, const Batch& batch) const override {
    const std::vector<float> labels(batch.labels.begin(), batch.labels.end());
    const at::Tensor target = at::tensor(labels).to(logits.device()).view({-1, 1});
    return at::mse_loss(logits.to(at::kFloat), target, at::Reduction::Sum);
  }

  [[nodiscard]] double loss_weight(const Batch& batch) const override { return batch.examples(); }

  // No rating lies outside the range, so cutting there only ever lowers the error.
  void scores(std::span<const float> logits, std::span<double> out) const override {
    TUTTI_ASSERT(logits.size() == out.size(), "scores: sizes");
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = std::clamp(static_cast<double>(logits[i]), low_, high_);
    }
  }

  [[nodiscard]] std::string problem_type() const override { return "regression"; }

 private:
  double low_ = 0.0;
  double high_ = 1.0;
};

const bool registered = HeadRegistry::add("regression", "squared error of one number",
                                          [](const HeadOptions& options) -> std::unique_ptr<Head> {
                                            return std::make_unique<Regression>(options);
                                          });

}  // namespace

}  // namespace tutti
