#pragma once

#include "tutti/data/registry.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tutti {

/// Scores of all members for the same rows, row-major: values[member][row]. Probabilities for click
/// and rank, ratings for rating; any finite numbers where FusionOptions::open_scores says so.
struct Scores {
  std::span<const double> values;
  std::span<const std::int32_t> user;  ///< [row]
  int members = 0;
  std::int64_t rows = 0;
  /// [member][row] 0 where the member gives the row no score (its value is then not looked at);
  /// empty: every member scores every row.
  std::span<const std::uint8_t> present = {};
  std::span<const std::int32_t> segment = {};  ///< [row] segment of the user, from 0; or empty

  [[nodiscard]] std::span<const double> member(int m) const {
    return values.subspan(static_cast<std::size_t>(m * rows), static_cast<std::size_t>(rows));
  }
  [[nodiscard]] bool has(int m, std::size_t row) const {
    return present.empty() || present[static_cast<std::size_t>(m * rows) + row] != 0;
  }
};

struct Labels {
  std::span<const double> value;  ///< [row]
};

/// What a rule may know of a member beside its scores.
struct MemberFacts {
  std::string name;
  double parameters = 0;  ///< count
  double layers = 0;      ///< depth
};

struct FusionOptions {
  std::string task = "click";  ///< click | rating | rank
  std::vector<MemberFacts> members;
  double threshold = 0.5;  ///< voting: a score of at least this is a vote
  int top_k = 10;          ///< voting over lists
  double positive = 0.5;   ///< a label of at least this is relevant (click, rank)
  /// Scores may be any finite number, as those of rankers, and so are fused scores: nothing is
  /// scaled or cut to [0, 1].
  bool open_scores = false;
  double rrf_k = 60;         ///< rrf: 1 / (k + rank)
  double power = 2;          ///< average-power: the exponent
  double trim = 0.2;         ///< average-trimmed: share of members cut at each end
  double temperature = 0.1;  ///< performance-softmax: of the validation performance
  double penalty = 1;        ///< ridge, logistic, pairwise: strength of the L2 penalty
};

/// Makes one score out of the members' scores. Plain mathematics: no files, no ranks.
///
/// fit may be called again and starts afresh; fuse is const and pure. Both throw Error(Data) for
/// scores that are not finite or, for click and rank, not in [0, 1], naming member and row, for a
/// missing score if the rule needs every one, and Error(Config) where the rule cannot be had (a
/// fact of a member is missing; no labels are given and the rule learns from them); a rule that
/// only orders rows refuses task "rating" when made. state() is JSON that restore() reads back to
/// the same bits; it goes into bundle.json. A linear rule also has weights(): not negative, sum 1;
/// others give an empty vector. Every fused score of click and rank is in [0, 1] unless
/// open_scores. Sums run in double, members in order.
class FusionRule {
 public:
  static constexpr const char* kKind = "fusion rule";
  virtual ~FusionRule() = default;
  virtual void fit(const Scores& validation, const Labels& labels) = 0;
  virtual void fuse(const Scores& in, std::span<double> out) const = 0;  ///< out [row]
  [[nodiscard]] virtual std::vector<double> weights() const = 0;
  [[nodiscard]] virtual std::string state() const = 0;
  virtual void restore(std::string_view json) = 0;
};

using FusionRegistry = Registry<FusionRule, const FusionOptions&>;

/// "learned" -> that rule; "min-max+learned" -> the rule behind a normaliser (normalise.hpp), which
/// turns each member's scores into the rule's input. Throws Error(Config) for an unknown name,
/// naming the nearest.
std::unique_ptr<FusionRule> make_rule(const std::string& name, const FusionOptions& options);

/// Does make_rule know the name?
bool has_rule(const std::string& name);

}  // namespace tutti
