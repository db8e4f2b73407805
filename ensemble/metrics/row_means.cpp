// Means over all rows; w is the weight of the row's user. No rows: undefined, NaN.
//   log-loss  mean of -log p(label), p clipped to [e, 1 - e] with e = 2.220446049250313e-16, the
//             machine epsilon, as scikit-learn's log_loss; scores must be probabilities
//   brier     mean of (score - y)^2, y = 0 or 1; scores must be probabilities
//   accuracy  mean of [(score >= positive) = (label >= positive)]
//   rmse      root of the mean of (score - label)^2
//   mae       mean of |score - label|
// log-loss and brier take y = [label >= positive]; rmse and mae take the label as it is.
#include "tutti/ensemble/metrics/terms.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tutti {
namespace {

using OfRow = double (*)(double score, double label, double positive);

struct Shape {
  const char* name;
  const char* about;
  Better better;
  bool probability;
  Finish finish;
  OfRow of_row;
  bool uses_positive = false;
};

double log_loss(double score, double label, double positive) {
  constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
  const double p = std::clamp(score, kEpsilon, 1 - kEpsilon);
  return label >= positive ? -std::log(p) : -std::log(1 - p);
}

double brier(double score, double label, double positive) {
  const double error = score - (label >= positive ? 1.0 : 0.0);
  return error * error;
}

double accuracy(double score, double label, double positive) {
  return (score >= positive) == (label >= positive) ? 1.0 : 0.0;
}

double squared_error(double score, double label, double /*positive*/) {
  return (score - label) * (score - label);
}

double absolute_error(double score, double label, double /*positive*/) {
  return std::abs(score - label);
}

class RowMean final : public Metric {
 public:
  RowMean(const Shape& shape, const MetricOptions& options) : shape_(shape), options_(options) {}

  [[nodiscard]] std::unique_ptr<PreparedMetric> prepare(
      std::span<const double> score, std::span<const double> label,
      std::span<const std::int32_t> user) const override {
    const std::size_t users = check_rows(shape_.name, score, label, user);
    return prepare_row_mean(
        user, users,
        [&](std::size_t i) {
          if (shape_.probability && (score[i] < 0 || score[i] > 1)) {
            bad_row(shape_.name, i,
                    "the score is " + std::to_string(score[i]) + ", a probability was expected",
                    "use rmse for ratings");
          }
          return shape_.of_row(score[i], label[i], options_.positive);
        },
        shape_.finish);
  }

  [[nodiscard]] Better better() const noexcept override { return shape_.better; }
  [[nodiscard]] std::string protocol() const override {
    return std::string(shape_.name) + "/rated/ties=none/all-rows-" + options_.split +
           (shape_.uses_positive ? positive_in_protocol(options_) : "");
  }

 private:
  Shape shape_;
  MetricOptions options_;
};

bool add(const Shape& shape) {
  return MetricRegistry::add(shape.name, shape.about, [shape](const MetricOptions& options) {
    return std::make_unique<RowMean>(shape, options);
  });
}

const bool registered_log_loss = add({"log-loss", "mean negative log-likelihood of the labels",
                                      Better::Lower, true, Finish::Identity, log_loss, true});
const bool registered_brier = add({"brier", "mean squared error of the probability", Better::Lower,
                                   true, Finish::Identity, brier, true});
const bool registered_accuracy =
    add({"accuracy", "share of rows on the right side of the threshold", Better::Higher, false,
         Finish::Identity, accuracy, true});
const bool registered_rmse = add({"rmse", "root mean squared error of the rating", Better::Lower,
                                  false, Finish::Root, squared_error});
const bool registered_mae = add({"mae", "mean absolute error of the rating", Better::Lower, false,
                                 Finish::Identity, absolute_error});

}  // namespace
}  // namespace tutti
