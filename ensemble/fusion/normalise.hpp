#pragma once

#include "tutti/ensemble/fusion/checked_rule.hpp"
#include "tutti/ensemble/fusion/rule_state.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tutti {

/// What a normaliser makes of scores: [member][row], as Scores.
struct NormalisedScores {
  std::vector<double> values;
  std::vector<std::uint8_t> present;  ///< empty: all
};

/// Brings the scores of each member to a common scale before they are fused. Two kinds: by list
/// (from the user's other rows in the batch; nothing is fitted) and by member (a curve fitted on
/// validation). Throws as FusionRule does.
class Normaliser {
 public:
  static constexpr const char* kKind = "normaliser";
  virtual ~Normaliser() = default;
  virtual void fit(const Scores& /*validation*/, const Labels& /*labels*/) {}
  [[nodiscard]] virtual NormalisedScores apply(const Scores& in) const = 0;
  /// May the result leave [0, 1]?
  [[nodiscard]] virtual bool open() const { return false; }
  [[nodiscard]] virtual RuleArrays state() const { return {}; }
  /// `rule` is the whole name, for read_rule_state.
  virtual void restore(const std::string& /*rule*/, std::string_view /*json*/) {}
};

using NormaliserRegistry = Registry<Normaliser, const FusionOptions&>;

}  // namespace tutti
