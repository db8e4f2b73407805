#include "tutti/ensemble/fusion/choose.hpp"

#include "tutti/data/random.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <set>
#include <tuple>
#include <utility>

namespace tutti {

namespace {

// A subset of rows, with its own storage.
struct Rows {
  std::vector<std::size_t> index;
  std::vector<double> values;
  std::vector<std::int32_t> user;
  std::vector<double> label;
  std::vector<std::uint8_t> present;
  std::vector<std::int32_t> segment;
  int members = 0;

  [[nodiscard]] Scores scores() const {
    return {values, user, members, static_cast<std::int64_t>(user.size()), present, segment};
  }
};

Rows take(const Scores& all, const Labels& labels, std::vector<std::size_t> index) {
  Rows out;
  out.members = all.members;
  for (int m = 0; m < all.members; ++m) {
    const auto member = all.member(m);
    for (const std::size_t i : index) {
      out.values.push_back(member[i]);
      if (!all.present.empty()) out.present.push_back(all.has(m, i) ? 1 : 0);
    }
  }
  for (const std::size_t i : index) {
    if (!all.segment.empty()) out.segment.push_back(all.segment[i]);
    out.user.push_back(all.user[i]);
    out.label.push_back(labels.value[i]);
  }
  out.index = std::move(index);
  return out;
}

struct Fold {
  Rows rest;
  Rows held_out;
};

std::vector<Fold> make_folds(const Scores& all, const Labels& labels, int folds,
                             std::uint64_t seed) {
  if (folds == 0) return {};
  const std::vector<int> fold_of = folds_by_user(all.user, folds, seed);
  std::vector<Fold> out;
  for (int f = 0; f < folds; ++f) {
    std::vector<std::size_t> rest;
    std::vector<std::size_t> held_out;
    for (std::size_t i = 0; i < fold_of.size(); ++i) {
      (fold_of[i] == f ? held_out : rest).push_back(i);
    }
    out.push_back({take(all, labels, std::move(rest)), take(all, labels, std::move(held_out))});
  }
  return out;
}

// Mean and standard error over folds; undefined folds (one class) are left out.
std::pair<double, double> mean_and_error(const std::vector<double>& values) {
  double sum = 0;
  double n = 0;
  for (const double x : values) {
    if (std::isnan(x)) continue;
    sum += x;
    n += 1;
  }
  const double mean = sum / n;  // 0/0: NaN, undefined
  double squares = 0;
  for (const double x : values) {
    if (!std::isnan(x)) squares += (x - mean) * (x - mean);
  }
  return {mean, n > 1 ? std::sqrt(squares / (n - 1) / n) : 0.0};
}

RuleScore try_rule(const std::string& name, const FusionOptions& fusion, const Scores& all,
                   const Labels& labels, const Metric& metric, const std::vector<Fold>& folds) {
  RuleScore out;
  out.rule = name;
  try {
    if (folds.empty()) make_rule(name, fusion)->fit(all, labels);
    out.fused.assign(static_cast<std::size_t>(all.rows), 0.0);
    for (const Fold& fold : folds) {
      const auto rule = make_rule(name, fusion);
      rule->fit(fold.rest.scores(), {fold.rest.label});
      std::vector<double> fused(fold.held_out.user.size());
      rule->fuse(fold.held_out.scores(), fused);
      out.fold.push_back(metric.evaluate(fused, fold.held_out.label, fold.held_out.user));
      for (std::size_t i = 0; i < fused.size(); ++i) out.fused[fold.held_out.index[i]] = fused[i];
    }
    std::tie(out.mean, out.standard_error) = mean_and_error(out.fold);
  } catch (const Error& error) {
    out = RuleScore{};
    out.rule = name;
    out.failure = error.what();
  }
  return out;
}

std::string number(double x) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4f", x);
  return text.data();
}

void pick(Choice& choice, const Metric& metric, const ChooseOptions& options) {
  const RuleScore* best = nullptr;
  const RuleScore* average = nullptr;
  const bool higher = metric.better() == Better::Higher;
  for (const RuleScore& c : choice.candidates) {
    if (!c.failure.empty()) continue;
    if (c.rule == "average") average = &c;
    const bool wins = best != nullptr && (higher ? c.mean > best->mean : c.mean < best->mean);
    if (best == nullptr || wins || (std::isnan(best->mean) && !std::isnan(c.mean))) best = &c;
  }
  if (best == nullptr) {
    throw Error(Code::Config,
                "no fusion rule is left of " + std::to_string(choice.candidates.size()) +
                    " candidates; the first says: " + choice.candidates.front().failure,
                "add 'average' to the candidates");
  }
  choice.rule = best->rule;
  if (choice.folds == 0) {
    choice.reason = "one validation user: no folds, so the first candidate was taken";
    return;
  }
  if (std::isnan(best->mean)) {
    choice.reason =
        choice.protocol + " is undefined on every fold, so the first candidate was taken";
    return;
  }
  choice.reason = "best mean of " + std::to_string(choice.folds) +
                  " folds by user: " + number(best->mean) + " +- " + number(best->standard_error);
  if (!options.prefer_average || average == nullptr || average == best) return;
  std::vector<double> d;
  for (std::size_t f = 0; f < best->fold.size(); ++f) d.push_back(best->fold[f] - average->fold[f]);
  const auto [mean, error] = mean_and_error(d);
  if (std::abs(mean) > error) return;
  choice.rule = "average";
  choice.reason = "the best mean (" + best->rule + ", " + number(best->mean) +
                  ") is within one standard error (" + number(error) + ") of average";
}

}  // namespace

std::vector<int> folds_by_user(std::span<const std::int32_t> user, int folds, std::uint64_t seed) {
  TUTTI_ASSERT(folds > 0, "a fold");
  const std::set<std::int32_t> distinct(user.begin(), user.end());
  std::vector<std::int32_t> order(distinct.begin(), distinct.end());
  Random random(seed, "fusion-folds");
  random.shuffle(std::span<std::int32_t>(order));
  std::vector<int> fold_of_user(
      distinct.empty() ? 0 : static_cast<std::size_t>(*distinct.rbegin()) + 1);
  for (std::size_t i = 0; i < order.size(); ++i) {
    fold_of_user[static_cast<std::size_t>(order[i])] = static_cast<int>(i) % folds;
  }
  std::vector<int> out;
  for (const std::int32_t u : user) out.push_back(fold_of_user[static_cast<std::size_t>(u)]);
  return out;
}

Choice choose_rule(const std::vector<std::string>& candidates, const FusionOptions& fusion,
                   const Scores& validation, const Labels& labels, const Metric& metric,
                   const ChooseOptions& options) {
  if (candidates.empty()) {
    throw Error(Code::Config, "no fusion rule to choose from", "name at least one candidate");
  }
  if (validation.rows == 0) {
    throw Error(Code::Data, "no validation rows to choose a fusion rule on",
                "make the validation part larger");
  }
  // An unknown name is a mistake to report, not a rule that could not be fitted.
  std::set<std::string> seen;
  for (const std::string& name : candidates) {
    if (!has_rule(name)) make_rule(name, fusion);
    if (!seen.insert(name).second) {
      throw Error(Code::Config, "fusion rule '" + name + "' is a candidate twice", "name it once");
    }
  }
  const auto users = std::set<std::int32_t>(validation.user.begin(), validation.user.end()).size();
  Choice out;
  out.protocol = metric.protocol();
  out.folds =
      static_cast<int>(std::min<std::size_t>(users, static_cast<std::size_t>(options.folds)));
  if (out.folds < 2) out.folds = 0;
  const std::vector<Fold> folds = make_folds(validation, labels, out.folds, options.seed);
  for (const std::string& name : candidates) {
    out.candidates.push_back(try_rule(name, fusion, validation, labels, metric, folds));
  }
  pick(out, metric, options);
  return out;
}

}  // namespace tutti
