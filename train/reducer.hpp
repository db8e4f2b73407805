#pragma once

// Only for the .cpp files of the trainer: this header includes LibTorch.

#include "tutti/train/buckets.hpp"
#include "tutti/train/communicator.hpp"
#include "tutti/train/optimizer.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace tutti {

/// What the ranks of a group add up in a step, beside gradients.
struct StepSums {
  double loss = 0;
  double weight = 0;    ///< what the loss is a sum over
  double failed = 0;    ///< ranks whose computation failed
  double reported = 0;  ///< ranks whose report (on_step) failed
};

/// Time of this rank's communication in a step.
struct Traffic {
  double seconds = 0;  ///< while any gradient was on its way
  double waited = 0;   ///< of these, in end_pass and sum_over, when nothing else was left to do
};

struct ReducerOptions {
  /// Off where a parameter's gradient comes in several parts in one pass: buckets wait for its end.
  bool overlap = true;
  bool bf16_wire = false;
  /// Each rank gets the sum of its piece of every bucket only, and updates that piece.
  bool pieces = false;
  /// With `pieces`: no rank keeps more gradients than its pieces and the buckets under way; each
  /// pass is summed over ranks, not the last of a step alone.
  bool drop_rest = false;
};

/// Sums gradients over a group, bucket by bucket, while backward still runs: a bucket is on its way
/// as soon as autograd has made the last gradient of it, and those before it are on theirs.
///
/// A step is begin_step; begin_pass, backward, end_pass once or more; sum_over. Every rank makes
/// the same number of passes, with or without a backward in it, whole or broken off: end_pass
/// brings what is missing. The first pass teaches it which gradients to wait for.
class Reducer {
 public:
  /// Makes each parameter a leaf with gradient. `group` must be used by nobody else between
  /// begin_pass and sum_over.
  Reducer(Communicator& group, const NamedTensors& parameters, const std::vector<Bucket>& buckets,
          const ReducerOptions& options);
  ~Reducer();
  Reducer(const Reducer&) = delete;
  Reducer& operator=(const Reducer&) = delete;

  /// All gradients to zero.
  void begin_step();
  /// `last` of the step: only then, without drop_rest, ranks sum.
  void begin_pass(bool last);
  void end_pass();
  /// Throws Error when a gradient came after its bucket was on its way: sums of this step are
  /// wrong. To be called after the passes, before sum_over, which tells the other ranks.
  void check_late() const;
  /// Gradients (or this rank's pieces) and sums of all ranks. Collective.
  void sum_over(StepSums& sums);

  /// Of all ranks' gradients. Not finite when any of them is not. Collective with pieces.
  [[nodiscard]] double gradient_norm();

  /// [parameter] without pieces: gradients of all parameters.
  [[nodiscard]] const std::vector<at::Tensor>& gradients() const noexcept;
  /// [bucket] with pieces: gradients of this rank's piece.
  [[nodiscard]] const std::vector<at::Tensor>& pieces() const noexcept;

  /// Of the last step.
  [[nodiscard]] Traffic traffic() const noexcept;
  /// Of gradients, the most at any time so far.
  [[nodiscard]] std::int64_t bytes() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tutti
