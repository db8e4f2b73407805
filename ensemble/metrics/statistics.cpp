#include "tutti/ensemble/metrics/statistics.hpp"

#include "tutti/data/random.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace tutti {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kMostGroups = 200;  // of the jackknife: its cost is a replicate a group

// The users that have rows, by id.
std::vector<std::size_t> present_users(std::span<const std::int32_t> user) {
  std::vector<bool> seen;
  for (const std::int32_t u : user) {
    TUTTI_ASSERT(u >= 0, "user ids count from 0");
    const auto id = static_cast<std::size_t>(u);
    if (id >= seen.size()) seen.resize(id + 1, false);
    seen[id] = true;
  }
  std::vector<std::size_t> out;
  for (std::size_t id = 0; id < seen.size(); ++id) {
    if (seen[id]) out.push_back(id);
  }
  return out;
}

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

// Inverse of normal_cdf by bisection: a few calls an interval, so simple beats fast.
double normal_quantile(double p) {
  double low = -40;
  double high = 40;
  for (int i = 0; i < 100; ++i) {
    const double middle = 0.5 * (low + high);
    (normal_cdf(middle) < p ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

// `sorted` is not empty.
double quantile(const std::vector<double>& sorted, double p) {
  const double at = std::clamp(p, 0.0, 1.0) * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

// Skewness of the jackknife values, over 6: the acceleration of BCa.
double acceleration(const std::vector<double>& left_out) {
  double mean = 0;
  double n = 0;
  for (const double x : left_out) {
    if (std::isnan(x)) continue;
    mean += x;
    n += 1;
  }
  mean /= n;
  double second = 0;
  double third = 0;
  for (const double x : left_out) {
    if (std::isnan(x)) continue;
    const double d = mean - x;
    second += d * d;
    third += d * d * d;
  }
  return second > 0 ? third / (6 * std::pow(second, 1.5)) : 0.0;
}

Interval make_interval(double value, std::vector<double> replicates,
                       const std::vector<double>& left_out, const BootstrapOptions& options) {
  std::erase_if(replicates, [](double x) { return std::isnan(x); });
  if (std::isnan(value) || replicates.empty()) return {value, kNaN, kNaN};
  std::sort(replicates.begin(), replicates.end());
  double low = 0.5 * (1 - options.level);
  double high = 1 - low;
  // Ties with the value (a metric of few rows) count half, or the bias would be of the ties.
  const auto range = std::equal_range(replicates.begin(), replicates.end(), value);
  const double below = 0.5 * static_cast<double>((range.first - replicates.begin()) +
                                                 (range.second - replicates.begin()));
  const double share = below / static_cast<double>(replicates.size());
  if (!options.percentile && share > 0 && share < 1) {
    const double bias = normal_quantile(share);
    const double skew = acceleration(left_out);
    for (double* edge : {&low, &high}) {
      const double z = bias + normal_quantile(*edge);
      if (1 - skew * z > 0) *edge = normal_cdf(bias + z / (1 - skew * z));
    }
  }
  return {value, quantile(replicates, low), quantile(replicates, high)};
}

std::vector<double> minus(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> out(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) out[i] = a[i] - b[i];
  return out;
}

}  // namespace

Resampled resample(std::span<const PreparedMetric* const> systems,
                   std::span<const std::int32_t> user, const BootstrapOptions& options) {
  TUTTI_ASSERT(options.replicates > 0 && options.level > 0 && options.level < 1,
               "replicates from 1, a level between 0 and 1");
  const std::vector<std::size_t> users = present_users(user);
  const std::size_t ids = users.empty() ? 0 : users.back() + 1;
  Resampled out;
  out.replicate.resize(systems.size());
  out.left_out.resize(systems.size());
  for (const PreparedMetric* system : systems) out.value.push_back(system->value({}));
  if (users.empty()) return out;
  const auto all = [&](const std::vector<double>& weight,
                       std::vector<std::vector<double>>& values) {
    for (std::size_t s = 0; s < systems.size(); ++s) values[s].push_back(systems[s]->value(weight));
  };
  for (int r = 0; r < options.replicates; ++r) {
    Random random(options.seed, "bootstrap", {static_cast<std::uint64_t>(r)});
    std::vector<double> weight(ids, 0.0);
    for (std::size_t i = 0; i < users.size(); ++i) weight[users[random.below(users.size())]] += 1;
    all(weight, out.replicate);
  }
  const std::size_t groups = options.percentile ? 0 : std::min(users.size(), kMostGroups);
  for (std::size_t g = 0; g < groups; ++g) {
    std::vector<double> weight(ids, 1.0);
    for (std::size_t i = g; i < users.size(); i += groups) weight[users[i]] = 0;
    all(weight, out.left_out);
  }
  return out;
}

Interval interval(const Resampled& resampled, std::size_t system, const BootstrapOptions& options) {
  return make_interval(resampled.value[system], resampled.replicate[system],
                       resampled.left_out[system], options);
}

Interval difference(const Resampled& resampled, std::size_t a, std::size_t b,
                    const BootstrapOptions& options) {
  return make_interval(resampled.value[a] - resampled.value[b],
                       minus(resampled.replicate[a], resampled.replicate[b]),
                       minus(resampled.left_out[a], resampled.left_out[b]), options);
}

double bootstrap_p(const Resampled& resampled, std::size_t a, std::size_t b) {
  double below = 0;
  double above = 0;
  double n = 0;
  for (const double d : minus(resampled.replicate[a], resampled.replicate[b])) {
    if (std::isnan(d)) continue;
    n += 1;
    if (d <= 0) below += 1;
    if (d >= 0) above += 1;
  }
  return n == 0 ? kNaN : std::min(1.0, 2 * (std::min(below, above) + 1) / (n + 1));
}

double randomisation_p(const UserTerms& a, const UserTerms& b, int rounds, std::uint64_t seed) {
  TUTTI_ASSERT(a.sum.size() == b.sum.size(), "the same users");
  std::vector<double> d = minus(a.sum, b.sum);
  std::erase(d, 0.0);  // a flip does not change it
  const double observed = std::abs(std::accumulate(d.begin(), d.end(), 0.0));
  // Sums of the same numbers with the same signs may differ in the last bits from round to round.
  const double at_least = observed * (1 - 1e-12);
  double far = 1;
  Random random(seed, "randomisation");
  for (int round = 0; round < rounds; ++round) {
    double sum = 0;
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < d.size(); ++i) {
      if (i % 64 == 0) bits = random.next();
      sum += (bits >> (i % 64) & 1) != 0 ? d[i] : -d[i];
    }
    if (std::abs(sum) >= at_least) far += 1;
  }
  return far / (rounds + 1.0);
}

std::vector<double> holm(std::span<const double> p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t x, std::size_t y) { return p[x] < p[y]; });
  std::vector<double> out(p.size());
  double highest = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const double scaled = static_cast<double>(order.size() - i) * p[order[i]];
    highest = std::max(highest, std::min(1.0, scaled));
    out[order[i]] = highest;
  }
  return out;
}

}  // namespace tutti
