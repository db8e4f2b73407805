#pragma once

#include "tutti/ensemble/fusion/checked_rule.hpp"
#include "tutti/ensemble/fusion/lists.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

// Inside ensemble/fusion only.
namespace tutti {

/// A rule that fuses each user's list by itself, from the scores or ranks of the members that have
/// the row: a row's fused score depends on the user's other rows in the batch, so score whole
/// lists. It orders rows and predicts no rating. Missing scores are fine.
///
/// With open scores the fused score is the literature's; otherwise it is divided by the most that a
/// row can get (a score of 1 and the first place from every member), so that it is in [0, 1]: the
/// same order of rows within every list.
class ListRule : public CheckedRule {
 public:
  ListRule(const std::string& name, const FusionOptions& options) : CheckedRule(name, options) {
    refuse_rating(name, options);
  }
  [[nodiscard]] std::vector<double> weights() const final { return {}; }
  [[nodiscard]] std::string state() const override;
  void restore(std::string_view json) override;
  [[nodiscard]] bool takes_missing() const final { return true; }

 protected:
  void do_fit(const Scores& validation, const Labels& /*labels*/) override {
    members_ = validation.members;
  }
  void do_fuse(const Scores& in, std::span<double> out) const final;
  [[nodiscard]] int members() const override { return members_; }
  [[nodiscard]] bool needs_labels() const override { return false; }

  /// Sets fused [position]; may overwrite the view.
  virtual void fuse_list(ListView& view, std::span<double> fused) const = 0;
  /// The fused score, in [0, 1] for scores that are. `size`: rows of the list.
  [[nodiscard]] virtual double closed(double fused, std::size_t size) const = 0;

 private:
  int members_ = 0;
};

/// A list rule with a weight a member: all equal, or by validation performance above chance.
class WeightedListRule : public ListRule {
 public:
  WeightedListRule(const std::string& name, const FusionOptions& options, bool by_performance)
      : ListRule(name, options), by_performance_(by_performance) {}
  [[nodiscard]] std::string state() const final;
  void restore(std::string_view json) final;

 protected:
  void do_fit(const Scores& validation, const Labels& labels) final;
  [[nodiscard]] int members() const final { return static_cast<int>(member_weights_.size()); }
  [[nodiscard]] bool needs_labels() const final { return by_performance_; }
  /// [member] from 0, sum 1
  [[nodiscard]] std::span<const double> member_weights() const noexcept { return member_weights_; }
  [[nodiscard]] bool by_performance() const noexcept { return by_performance_; }

 private:
  bool by_performance_;
  std::vector<double> member_weights_;
};

}  // namespace tutti
