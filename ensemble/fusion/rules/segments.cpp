// segments: weights per user segment, shrunk to the global ones. The global weights w0 are those of
// rule "learned" on all rows; segment s gets the weights of least
//   sum over its rows of loss(w) + k h |w - w0|^2 / 2
// on the simplex, h the mean curvature a row at w0: k is how many rows' worth w0 counts. k comes
// from a cross-validation over users within the validation rows, of 1, 3, 10, ..., 10000 and
// infinity (w0 for all): the largest k whose loss is within one standard error of the best, so that
// without an effect every segment has w0. Rows of unknown segments are fused with w0, and so are
// all rows where no segments are given.
#include "tutti/ensemble/fusion/choose.hpp"
#include "tutti/ensemble/fusion/linear_rule.hpp"
#include "tutti/ensemble/fusion/mixture.hpp"
#include "tutti/ensemble/fusion/rule_state.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

namespace tutti {
namespace {

using Weights = std::vector<double>;
using RowsOf = std::map<std::int32_t, std::vector<std::size_t>>;

constexpr double kInfinite = 1e300;  // rows' worth of w0: all segments have it

Weights fit_global(const MixtureLoss& loss, int members, std::span<const std::size_t> rows) {
  return minimise_on_simplex(members, [&](std::span<const double> w) { return loss.at(w, rows); })
      .weights;
}

double curvature(const Quadratic& q) {
  const std::size_t n = q.gradient.size();
  double trace = 0;
  for (std::size_t m = 0; m < n; ++m) trace += q.hessian[m * n + m] / static_cast<double>(n);
  return trace;
}

Weights fit_segment(const MixtureLoss& loss, std::span<const std::size_t> rows, const Weights& w0,
                    double k, double h) {
  if (k >= kInfinite || rows.empty()) return w0;
  const double strength = k * h / static_cast<double>(rows.size());  // the loss is a mean over rows
  return minimise_on_simplex(static_cast<int>(w0.size()),
                             [&](std::span<const double> w) {
                               Quadratic q = loss.at(w, rows);
                               for (std::size_t m = 0; m < w.size(); ++m) {
                                 const double away = w[m] - w0[m];
                                 q.value += 0.5 * strength * away * away;
                                 q.gradient[m] += strength * away;
                                 q.hessian[m * w.size() + m] += strength;
                               }
                               return q;
                             })
      .weights;
}

class Segments final : public CheckedRule {
 public:
  explicit Segments(const FusionOptions& options) : CheckedRule("segments", options) {
    refuse_open(name(), options);
  }

  [[nodiscard]] std::vector<double> weights() const override { return {}; }

  [[nodiscard]] std::string state() const override {
    RuleArrays arrays = {{"weights", {global_}},
                         {"rows_worth", {{worth_}}},
                         {"segments", {{}}},
                         {"segment_weights", {}}};
    for (const auto& [segment, w] : segment_) {
      arrays[2].second[0].push_back(segment);
      arrays[3].second.push_back(w);
    }
    return write_rule_state(name(), arrays);
  }

  void restore(std::string_view json) override {
    Weights global = read_weights(name(), json);
    worth_ = read_number(name(), json, "rows_worth", 0);
    const auto ids = read_rule_state(name(), json, "segments");
    const auto rows = read_rule_state(name(), json, "segment_weights");
    bool good = ids.size() == 1 && ids[0].size() == rows.size();
    std::map<std::int32_t, Weights> segments;
    for (std::size_t s = 0; good && s < rows.size(); ++s) {
      double sum = 0;
      for (const double w : rows[s]) {
        good = good && w >= 0;
        sum += w;
      }
      good = good && rows[s].size() == global.size() && std::abs(sum - 1) < 1e-9 &&
             ids[0][s] >= 0 && ids[0][s] < 2147483648.0;
      if (good) segments[static_cast<std::int32_t>(ids[0][s])] = rows[s];
    }
    if (!good) {
      throw Error(Code::Data, "state of fusion rule 'segments': weights a segment were expected");
    }
    global_ = std::move(global);
    segment_ = std::move(segments);
  }

 protected:
  void do_fit(const Scores& validation, const Labels& labels) override {
    const bool rating = options().task == "rating";
    const MixtureLoss loss(rating ? MixtureLoss::Kind::Squared : MixtureLoss::Kind::NegativeLog,
                           validation, targets(options(), labels));
    std::vector<std::size_t> all(static_cast<std::size_t>(validation.rows));
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    segment_.clear();
    worth_ = kInfinite;
    global_ = fit_global(loss, validation.members, all);
    if (validation.segment.empty() || validation.rows == 0) return;
    worth_ = choose_worth(loss, validation);
    const double h = curvature(loss.at(global_));
    for (const auto& [segment, rows] : by_segment(validation.segment, all)) {
      segment_[segment] = fit_segment(loss, rows, global_, worth_, h);
    }
  }

  void do_fuse(const Scores& in, std::span<double> out) const override {
    for (std::size_t i = 0; i < out.size(); ++i) {
      const Weights* w = &global_;
      if (!in.segment.empty()) {
        const auto found = segment_.find(in.segment[i]);
        if (found != segment_.end()) w = &found->second;
      }
      for (int m = 0; m < in.members; ++m) {
        out[i] += (*w)[static_cast<std::size_t>(m)] * in.member(m)[i];
      }
    }
  }

  [[nodiscard]] int members() const override { return static_cast<int>(global_.size()); }

 private:
  static RowsOf by_segment(std::span<const std::int32_t> segment,
                           std::span<const std::size_t> rows) {
    RowsOf out;
    for (const std::size_t i : rows) out[segment[i]].push_back(i);
    return out;
  }

  static double choose_worth(const MixtureLoss& loss, const Scores& in) {
    const std::vector<double> grid = {kInfinite, 10000, 3000, 1000, 300, 100, 30, 10, 3, 1};
    constexpr int kFolds = 5;
    const std::vector<int> fold = folds_by_user(in.user, kFolds, 0);
    std::vector<std::vector<double>> losses(grid.size());  // [k][fold]
    for (int f = 0; f < kFolds; ++f) {
      std::vector<std::size_t> rest;
      std::vector<std::size_t> held_out;
      for (std::size_t i = 0; i < fold.size(); ++i) {
        (fold[i] == f ? held_out : rest).push_back(i);
      }
      if (rest.empty() || held_out.empty()) continue;
      const Weights w0 = fit_global(loss, in.members, rest);
      const double h = curvature(loss.at(w0, rest));
      const RowsOf fitted_on = by_segment(in.segment, rest);
      for (std::size_t k = 0; k < grid.size(); ++k) {
        double sum = 0;
        for (const auto& [segment, rows] : by_segment(in.segment, held_out)) {
          const auto on = fitted_on.find(segment);
          const Weights w =
              on == fitted_on.end() ? w0 : fit_segment(loss, on->second, w0, grid[k], h);
          sum += loss.at(w, rows).value * static_cast<double>(rows.size());
        }
        losses[k].push_back(sum / static_cast<double>(held_out.size()));
      }
    }
    if (losses[0].size() < 2) return kInfinite;
    const auto mean = [](const std::vector<double>& x) {
      double sum = 0;
      for (const double v : x) sum += v;
      return sum / static_cast<double>(x.size());
    };
    std::size_t best = 0;
    for (std::size_t k = 1; k < grid.size(); ++k) {
      if (mean(losses[k]) < mean(losses[best])) best = k;
    }
    for (std::size_t k = 0; k < best; ++k) {
      std::vector<double> worse;
      for (std::size_t f = 0; f < losses[k].size(); ++f) {
        worse.push_back(losses[k][f] - losses[best][f]);
      }
      const double by = mean(worse);
      double squares = 0;
      for (const double x : worse) squares += (x - by) * (x - by);
      const auto n = static_cast<double>(worse.size());
      if (by <= std::sqrt(squares / (n - 1) / n)) return grid[k];
    }
    return grid[best];
  }

  Weights global_;
  double worth_ = kInfinite;
  std::map<std::int32_t, Weights> segment_;
};

const bool registered = FusionRegistry::add(
    "segments", "learned weights a user segment, shrunk to the global ones",
    [](const FusionOptions& options) { return std::make_unique<Segments>(options); });

}  // namespace
}  // namespace tutti
