// Normalisers that learn on validation what chance of a positive a member's score f stands for (f
// the log-odds of a probability, or the score itself where scores are open):
//   platt        1 / (1 + exp(a f + b)), maximum likelihood with targets (n+ + 1) / (n+ + 2) and
//                1 / (n- + 2) (Platt, "Probabilistic outputs for support vector machines", 1999)
//   temperature  1 / (1 + exp(-f / T)), maximum likelihood, 1 / T in [e^-10, e^10] (Guo et al., "On
//                calibration of modern neural networks", ICML 2017)
//   isotonic     the rising step function of least squares, linear between its steps (Zadrozny and
//                Elkan, KDD 2002); for ratings a rising curve of the rating
// Fitted a member, on the rows that it scores. None of them changes a member's order of rows
// (isotonic may tie rows, platt may turn the order of a member that is worse than chance).
#include "tutti/ensemble/fusion/logistic.hpp"
#include "tutti/ensemble/fusion/normalise.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <utility>

namespace tutti {
namespace {

struct Curve {
  std::vector<double> a;  // parameters, or rising scores
  std::vector<double> b;  // isotonic: the value at each
};

struct Points {
  std::vector<double> f;
  std::vector<double> y;
};

Curve platt(const Points& p) {
  const double positives = std::accumulate(p.y.begin(), p.y.end(), 0.0);
  const double negatives = static_cast<double>(p.y.size()) - positives;
  // One class: the same chance for all, exactly, so that rounding gives no order.
  if (positives == 0) return {{0.0, std::log(negatives + 1)}, {}};
  if (negatives == 0) return {{0.0, -std::log(positives + 1)}, {}};
  std::vector<double> x;
  std::vector<double> target;
  for (std::size_t i = 0; i < p.y.size(); ++i) {
    x.insert(x.end(), {-p.f[i], -1.0});
    target.push_back(p.y[i] > 0 ? (positives + 1) / (positives + 2) : 1 / (negatives + 2));
  }
  return {fit_logistic(x, target, std::vector<double>{0.0, 0.0}), {}};
}

double platt_at(const Curve& c, double f) { return 1 / (1 + std::exp(c.a[0] * f + c.a[1])); }

// The slope of the loss in b = 1 / T rises with b: bisection on log b.
Curve temperature(const Points& p) {
  double low = -10;
  double high = 10;
  for (int step = 0; step < 100; ++step) {
    const double middle = 0.5 * (low + high);
    const double b = std::exp(middle);
    double slope = 0;
    for (std::size_t i = 0; i < p.y.size(); ++i) {
      slope += (1 / (1 + std::exp(-b * p.f[i])) - p.y[i]) * p.f[i];
    }
    (slope < 0 ? low : high) = middle;
  }
  return {{std::exp(-0.5 * (low + high))}, {}};
}

double temperature_at(const Curve& c, double f) { return 1 / (1 + std::exp(-f / c.a[0])); }

// Pool adjacent violators over the distinct scores.
Curve isotonic(const Points& p) {
  struct Block {
    double first, last, sum, rows;
  };
  std::vector<std::size_t> order(p.f.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t i, std::size_t j) { return p.f[i] < p.f[j]; });
  std::vector<Block> blocks;
  for (std::size_t i = 0; i < order.size();) {
    Block block{p.f[order[i]], p.f[order[i]], 0, 0};
    for (; i < order.size() && p.f[order[i]] == block.first; ++i) {
      block.sum += p.y[order[i]];
      block.rows += 1;
    }
    blocks.push_back(block);
    while (blocks.size() > 1) {
      Block& before = blocks[blocks.size() - 2];
      const Block& last = blocks.back();
      if (before.sum * last.rows < last.sum * before.rows) break;
      before = {before.first, last.last, before.sum + last.sum, before.rows + last.rows};
      blocks.pop_back();
    }
  }
  Curve out;
  for (const Block& block : blocks) {
    out.a.push_back(block.first);
    out.b.push_back(block.sum / block.rows);
    if (block.last > block.first) {
      out.a.push_back(block.last);
      out.b.push_back(out.b.back());
    }
  }
  return out;
}

double isotonic_at(const Curve& c, double f) {
  const auto above = std::upper_bound(c.a.begin(), c.a.end(), f);
  if (above == c.a.begin()) return c.b.front();
  if (above == c.a.end()) return c.b.back();
  const auto hi = static_cast<std::size_t>(above - c.a.begin());
  const double t = (f - c.a[hi - 1]) / (c.a[hi] - c.a[hi - 1]);
  return c.b[hi - 1] + t * (c.b[hi] - c.b[hi - 1]);
}

struct Shape {
  const char* name;
  const char* about;
  Curve (*fit)(const Points&);
  double (*at)(const Curve&, double f);
  std::size_t parameters;  // 0: a curve of knots
};

class Calibration final : public Normaliser {
 public:
  Calibration(const Shape& shape, FusionOptions options)
      : shape_(shape), options_(std::move(options)) {
    if (shape_.parameters > 0) refuse_rating(shape_.name, options_);
  }

  void fit(const Scores& validation, const Labels& labels) override {
    if (labels.value.size() != static_cast<std::size_t>(validation.rows) || labels.value.empty()) {
      throw Error(
          Code::Config,
          std::string("normaliser '") + shape_.name + "' learns from labels and there are none",
          "take min-max, rank, z-score, ...");
    }
    const std::vector<double> y = targets(options_, labels);
    curves_.clear();
    for (int m = 0; m < validation.members; ++m) {
      Points points;
      for (std::size_t i = 0; i < y.size(); ++i) {
        if (!validation.has(m, i)) continue;
        points.f.push_back(input(validation.member(m)[i]));
        points.y.push_back(y[i]);
      }
      if (points.f.empty()) {
        throw Error(Code::Data,
                    std::string("normaliser '") + shape_.name + "': member " +
                        member_name(options_, m) + " scores no validation row",
                    "leave the member out");
      }
      curves_.push_back(shape_.fit(points));
    }
  }

  [[nodiscard]] NormalisedScores apply(const Scores& in) const override {
    if (curves_.size() != static_cast<std::size_t>(in.members)) {
      throw Error(Code::Data, std::string("normaliser '") + shape_.name + "' was fitted on " +
                                  std::to_string(curves_.size()) + " members, " +
                                  std::to_string(in.members) + " are given");
    }
    NormalisedScores out;
    out.values.assign(in.values.size(), 0.0);
    out.present.assign(in.present.begin(), in.present.end());
    for (int m = 0; m < in.members; ++m) {
      const auto member = in.member(m);
      for (std::size_t i = 0; i < member.size(); ++i) {
        if (!in.has(m, i)) continue;
        out.values[static_cast<std::size_t>(m * in.rows) + i] =
            shape_.at(curves_[static_cast<std::size_t>(m)], input(member[i]));
      }
    }
    return out;
  }

  [[nodiscard]] RuleArrays state() const override {
    RuleArrays out = {{"curve", {}}, {"values", {}}};
    for (const Curve& curve : curves_) {
      out[0].second.push_back(curve.a);
      out[1].second.push_back(curve.b);
    }
    return out;
  }

  void restore(const std::string& rule, std::string_view json) override {
    const auto a = read_rule_state(rule, json, "curve");
    const auto b = read_rule_state(rule, json, "values");
    bool good = !a.empty() && a.size() == b.size();
    for (std::size_t m = 0; good && m < a.size(); ++m) {
      const bool knots = shape_.parameters == 0;
      good = knots ? !a[m].empty() && a[m].size() == b[m].size() &&
                         std::adjacent_find(a[m].begin(), a[m].end(), std::greater_equal<>()) ==
                             a[m].end()
                   : a[m].size() == shape_.parameters && b[m].empty();
    }
    if (!good) {
      throw Error(Code::Data, "state of fusion rule '" + rule + "': a curve a member was expected");
    }
    curves_.clear();
    for (std::size_t m = 0; m < a.size(); ++m) curves_.push_back({a[m], b[m]});
  }

 private:
  // Isotonic takes the score as it is: its order is all that matters.
  [[nodiscard]] double input(double score) const {
    return shape_.parameters == 0 || options_.open_scores ? score : log_odds_of(score);
  }

  Shape shape_;
  FusionOptions options_;
  std::vector<Curve> curves_;
};

bool add(const Shape& shape) {
  return NormaliserRegistry::add(shape.name, shape.about, [shape](const FusionOptions& options) {
    return std::make_unique<Calibration>(shape, options);
  });
}

const bool registered_platt =
    add({"platt", "calibrated by a logistic curve a member", platt, platt_at, 2});
const bool registered_temperature =
    add({"temperature", "calibrated by one temperature a member", temperature, temperature_at, 1});
const bool registered_isotonic =
    add({"isotonic", "calibrated by a rising step function a member", isotonic, isotonic_at, 0});

}  // namespace
}  // namespace tutti
