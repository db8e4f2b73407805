#pragma once

#include "tutti/data/random.hpp"
#include "tutti/ensemble/fusion_rule.hpp"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace tutti::testing {

/// Owns what Scores and Labels view: members' scores for the same rows.
struct Table {
  std::vector<double> values;  ///< [member][row]
  std::vector<std::int32_t> user;
  std::vector<double> label;
  int members = 0;

  [[nodiscard]] Scores scores() const {
    return {values, user, members, static_cast<std::int64_t>(user.size())};
  }
  [[nodiscard]] Labels labels() const { return {label}; }
  [[nodiscard]] std::span<const double> member(int m) const { return scores().member(m); }
};

inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// Clicks: a true logit per row, seen by member m with independent noise of standard deviation
/// noise[m]; users have equally many rows and their own level.
inline Table clicks(int users, int rows_per_user, const std::vector<double>& noise,
                    std::uint64_t seed) {
  Table t;
  t.members = static_cast<int>(noise.size());
  Random random(seed, "test-clicks");
  std::vector<double> truth;
  for (int u = 0; u < users; ++u) {
    const double level = 0.5 * random.normal();
    for (int r = 0; r < rows_per_user; ++r) {
      truth.push_back(level + 1.2 * random.normal());
      t.user.push_back(u);
      t.label.push_back(random.uniform() < sigmoid(truth.back()) ? 1 : 0);
    }
  }
  for (const double sigma : noise) {
    for (const double x : truth) t.values.push_back(sigmoid(x + sigma * random.normal()));
  }
  return t;
}

inline FusionOptions facts(int members) {
  FusionOptions options;
  for (int m = 0; m < members; ++m) {
    options.members.push_back({"member" + std::to_string(m), 1e6 * (m + 1), 2.0 * (m + 1)});
  }
  return options;
}

}  // namespace tutti::testing
