#include "tutti/data/error.hpp"
#include "tutti/train/head.hpp"
#include "tutti/train/heads/rating_range.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <vector>

// Classes by cross-entropy; a single logit by binary cross-entropy.

namespace tutti {

namespace {

// One class a whole step of the rating range, unless told otherwise.
int usual_labels(const HeadOptions& options) {
  if (options.task == "click") return 2;
  if (options.task == "rating") {
    return static_cast<int>(std::lround(options.rating_max - options.rating_min)) + 1;
  }
  return 1;
}

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

class Classification final : public Head {
 public:
  explicit Classification(const HeadOptions& options)
      : num_labels_(options.num_labels > 0 ? options.num_labels : usual_labels(options)) {
    if (options.num_labels < 0) {
      throw Error(Code::Config, "head: num_labels " + std::to_string(options.num_labels) +
                                    ", at least 0 expected");
    }
    if (options.task == "rating") {
      check_rating_range(options);
      low_ = options.rating_min;
      high_ = options.rating_max;
    } else if (num_labels_ > 2) {
      throw Error(Code::Config,
                  "head: task " + options.task + " with " + std::to_string(num_labels_) + " labels",
                  "use num_labels 1 or 2, or task rating");
    }
  }

  [[nodiscard]] int num_labels() const noexcept override { return num_labels_; }

  [[nodiscard]] at::Tensor loss_sum(const at::Tensor& logits, const Batch& batch) const override {
    const at::Tensor values = logits.to(at::kFloat);
    if (num_labels_ == 1) {
      std::vector<float> targets;
      targets.reserve(batch.labels.size());
      for (const double label : batch.labels) {
        targets.push_back(
            static_cast<float>(std::clamp((label - low_) / (high_ - low_), 0.0, 1.0)));
      }
      const at::Tensor target = at::tensor(targets).to(values.device()).view({-1, 1});
      return at::binary_cross_entropy_with_logits(values, target, {}, {}, at::Reduction::Sum);
    }
    std::vector<std::int64_t> classes;
    classes.reserve(batch.labels.size());
    for (const double label : batch.labels) classes.push_back(nearest_class(label));
    const at::Tensor target = at::tensor(classes).to(values.device());
    return at::cross_entropy_loss(values, target, {}, at::Reduction::Sum);
  }

  [[nodiscard]] double loss_weight(const Batch& batch) const override { return batch.examples(); }

  // click: softmax's share of class 1. rating: sum over classes of its rating times its softmax.
  void scores(std::span<const float> logits, std::span<double> out) const override {
    const auto labels = static_cast<std::size_t>(num_labels_);
    TUTTI_ASSERT(logits.size() == out.size() * labels, "scores: sizes");
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::span<const float> row = logits.subspan(i * labels, labels);
      if (num_labels_ == 1) {
        out[i] = low_ + (high_ - low_) * sigmoid(row[0]);
        continue;
      }
      const double top = *std::max_element(row.begin(), row.end());
      double total = 0;
      double weighted = 0;
      for (std::size_t c = 0; c < labels; ++c) {
        const double weight = std::exp(row[c] - top);
        total += weight;
        weighted += weight * (low_ + step() * static_cast<double>(c));
      }
      out[i] = weighted / total;
    }
  }

  // One logit under binary cross-entropy is what transformers calls multi-label.
  [[nodiscard]] std::string problem_type() const override {
    return num_labels_ == 1 ? "multi_label_classification" : "single_label_classification";
  }

 private:
  [[nodiscard]] double step() const noexcept {
    return (high_ - low_) / static_cast<double>(num_labels_ - 1);
  }

  [[nodiscard]] std::int64_t nearest_class(double label) const {
    const auto nearest = static_cast<std::int64_t>(std::lround((label - low_) / step()));
    return std::clamp<std::int64_t>(nearest, 0, num_labels_ - 1);
  }

  int num_labels_;
  double low_ = 0.0;  ///< value of the first class; a click is a rating of 0 or 1
  double high_ = 1.0;
};

const bool registered = HeadRegistry::add(
    "classification", "cross-entropy over classes; binary cross-entropy with one label",
    [](const HeadOptions& options) -> std::unique_ptr<Head> {
      return std::make_unique<Classification>(options);
    });

}  // namespace

}  // namespace tutti
