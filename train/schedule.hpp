#pragma once

#include <cstdint>
#include <string>

namespace tutti {

/// The learning rate over the steps of a run: a linear rise from 0 during warm-up, then
/// constant; linear to 0; or half a cosine to 0. As transformers'
/// get_constant_schedule_with_warmup, get_linear_schedule_with_warmup and
/// get_cosine_schedule_with_warmup, warm-up being ceil(warmup x steps) steps.
class Schedule {
 public:
  /// Throws Error(Config) for an unknown name and for a warm-up outside 0 .. 1.
  Schedule(const std::string& name, double learning_rate, double warmup, std::int64_t steps);

  /// Of step `step`, counted from 0.
  [[nodiscard]] double at(std::int64_t step) const;

 private:
  enum class Shape { Constant, Linear, Cosine };

  Shape shape_ = Shape::Linear;
  double learning_rate_;
  std::int64_t warmup_steps_;
  std::int64_t steps_;
};

}  // namespace tutti
