#include "tutti/train/schedule.hpp"

#include "tutti/data/error.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace tutti {

Schedule::Schedule(const std::string& name, double learning_rate, double warmup, std::int64_t steps)
    : learning_rate_(learning_rate),
      warmup_steps_(static_cast<std::int64_t>(std::ceil(warmup * static_cast<double>(steps)))),
      steps_(steps) {
  const std::vector<std::string> known{"constant", "linear", "cosine"};
  const auto found = std::find(known.begin(), known.end(), name);
  if (found == known.end()) {
    const std::string near = nearest_name(name, known);
    throw Error(Code::Config, "unknown schedule '" + name + "'",
                near.empty() ? "known: constant, linear, cosine" : "did you mean '" + near + "'?");
  }
  shape_ = static_cast<Shape>(found - known.begin());
  if (!(warmup >= 0 && warmup <= 1)) {
    throw Error(Code::Config, "warmup is " + std::to_string(warmup),
                "expected a fraction of the steps, 0 to 1");
  }
}

double Schedule::at(std::int64_t step) const {
  if (step < warmup_steps_) {
    return learning_rate_ * static_cast<double>(step) / static_cast<double>(warmup_steps_);
  }
  const double progress = static_cast<double>(step - warmup_steps_) /
                          static_cast<double>(std::max<std::int64_t>(1, steps_ - warmup_steps_));
  switch (shape_) {
    case Shape::Linear:
      return learning_rate_ * std::max(0.0, 1.0 - progress);
    case Shape::Cosine:
      return learning_rate_ * std::max(0.0, 0.5 * (1.0 + std::cos(std::numbers::pi * progress)));
    case Shape::Constant:
      break;
  }
  return learning_rate_;
}

}  // namespace tutti
