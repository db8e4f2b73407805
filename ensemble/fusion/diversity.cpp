#include "tutti/ensemble/fusion/diversity.hpp"

#include "tutti/ensemble/fusion/checked_rule.hpp"

#include <array>
#include <cmath>

namespace tutti {

namespace {

double correlation(const std::vector<double>& x, const std::vector<double>& y) {
  const auto n = static_cast<double>(x.size());
  double mean_x = 0;
  double mean_y = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    mean_x += x[i] / n;
    mean_y += y[i] / n;
  }
  double xx = 0;
  double yy = 0;
  double xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    yy += (y[i] - mean_y) * (y[i] - mean_y);
    xy += (x[i] - mean_x) * (y[i] - mean_y);
  }
  return xy / std::sqrt(xx * yy);  // 0/0: NaN
}

}  // namespace

std::vector<PairDiversity> member_diversity(const Scores& scores, const Labels& labels,
                                            const FusionOptions& options) {
  check_scores("diversity", options, scores);
  const std::vector<double> target = targets(options, labels);
  const auto members = static_cast<std::size_t>(scores.members);
  std::vector<std::vector<double>> error(members);
  std::vector<std::vector<bool>> right(members);
  for (std::size_t m = 0; m < members; ++m) {
    const auto score = scores.member(static_cast<int>(m));
    for (std::size_t i = 0; i < target.size(); ++i) {
      error[m].push_back(score[i] - target[i]);
      right[m].push_back(options.task == "rating"
                             ? std::abs(score[i] - target[i]) <= 0.5
                             : (score[i] >= options.threshold) == (target[i] > 0));
    }
  }
  std::vector<PairDiversity> out;
  for (std::size_t a = 0; a < members; ++a) {
    for (std::size_t b = a + 1; b < members; ++b) {
      std::array<double, 4> n{};  // index: 2 [a right] + [b right]
      for (std::size_t i = 0; i < target.size(); ++i) {
        n[(right[a][i] ? 2U : 0U) + (right[b][i] ? 1U : 0U)] += 1;
      }
      PairDiversity pair;
      pair.a = static_cast<int>(a);
      pair.b = static_cast<int>(b);
      pair.error_correlation = correlation(error[a], error[b]);
      pair.disagreement = (n[1] + n[2]) / static_cast<double>(target.size());
      pair.q = (n[3] * n[0] - n[1] * n[2]) / (n[3] * n[0] + n[1] * n[2]);
      out.push_back(pair);
    }
  }
  return out;
}

}  // namespace tutti
