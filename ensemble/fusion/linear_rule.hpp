#pragma once

#include "tutti/ensemble/fusion/checked_rule.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tutti {

/// A point of the simplex read from the state of a rule. Throws Error(Data) if it is none.
std::vector<double> read_weights(const std::string& rule, std::string_view json);

/// fused[row] = sum over members of weight[m] * score[m][row]. Inside ensemble/fusion only.
class LinearRule : public CheckedRule {
 public:
  using CheckedRule::CheckedRule;
  [[nodiscard]] std::vector<double> weights() const final { return weights_; }
  [[nodiscard]] std::string state() const final;
  void restore(std::string_view json) final;

 protected:
  /// Gives values from 0 that sum 1.
  [[nodiscard]] virtual std::vector<double> fit_weights(const Scores& validation,
                                                        const Labels& labels) const = 0;
  void do_fit(const Scores& validation, const Labels& labels) final;
  void do_fuse(const Scores& in, std::span<double> out) const final;
  [[nodiscard]] int members() const final { return static_cast<int>(weights_.size()); }

 private:
  std::vector<double> weights_;
};

/// Weights that are a function of what a rule is fitted on: no class of its own is needed. Values
/// from 0 that sum 1.
using WeightsOf = std::vector<double> (*)(const FusionOptions& options, const Scores& validation,
                                          const Labels& labels);

/// Registers such a rule. `about` is a line for `tutti list`.
bool add_weights_rule(const char* name, const char* about, WeightsOf weights,
                      bool needs_labels = true);

}  // namespace tutti
