#include "tutti/ensemble/fusion/checked_rule.hpp"

#include "tutti/ensemble/metric.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tutti {

std::string member_name(const FusionOptions& options, int member) {
  const auto m = static_cast<std::size_t>(member);
  return m < options.members.size() ? "'" + options.members[m].name + "'"
                                    : std::to_string(member) + " (from 0)";
}

void check_scores(const std::string& rule, const FusionOptions& options, const Scores& scores,
                  bool missing) {
  TUTTI_ASSERT(scores.members > 0, "a fusion rule needs a member");
  TUTTI_ASSERT(scores.values.size() == static_cast<std::size_t>(scores.members * scores.rows) &&
                   scores.user.size() == static_cast<std::size_t>(scores.rows),
               "scores [member][row] and users [row]");
  TUTTI_ASSERT(scores.present.empty() || scores.present.size() == scores.values.size(),
               "present [member][row]");
  const bool probability = options.task != "rating" && !options.open_scores;
  for (int m = 0; m < scores.members; ++m) {
    const auto member = scores.member(m);
    for (std::size_t i = 0; i < member.size(); ++i) {
      const double s = member[i];
      if (!scores.has(m, i)) {
        if (missing) continue;
        throw Error(Code::Data,
                    "fusion rule '" + rule + "': member " + member_name(options, m) + ", row " +
                        std::to_string(i) + " (from 0): there is no score",
                    "take a rule for lists (rrf, borda, comb-sum, ...) or normalise: 'min-max+" +
                        rule + "'");
      }
      if (std::isfinite(s) && !(probability && (s < 0 || s > 1))) continue;
      throw Error(Code::Data,
                  "fusion rule '" + rule + "': member " + member_name(options, m) + ", row " +
                      std::to_string(i) + " (from 0): the score is " + std::to_string(s) +
                      (probability                ? ", a probability was expected"
                       : options.task == "rating" ? ", a rating was expected"
                                                  : ", a finite number was expected"),
                  "leave the member out, or look at how its training ended");
    }
  }
}

void refuse_rating(const std::string& rule, const FusionOptions& options) {
  if (options.task != "rating") return;
  throw Error(
      Code::Config,
      "fusion rule '" + rule + "' orders rows and predicts no rating, but the task is rating",
      "take '" + rule + "' out of the candidates");
}

void refuse_open(const std::string& rule, const FusionOptions& options) {
  if (!options.open_scores) return;
  throw Error(Code::Config,
              "fusion rule '" + rule + "' needs probabilities, these scores are of any size",
              "normalise them first: 'min-max+" + rule + "'");
}

std::vector<double> targets(const FusionOptions& options, const Labels& labels) {
  std::vector<double> out(labels.value.begin(), labels.value.end());
  if (options.task == "rating") return out;
  for (double& y : out) y = y >= options.positive ? 1.0 : 0.0;
  return out;
}

std::vector<double> normalised(std::vector<double> raw) {
  double sum = 0;
  for (double& x : raw) {
    x = std::max(0.0, x);
    sum += x;
  }
  for (double& x : raw) x = sum > 0 ? x / sum : 1.0 / static_cast<double>(raw.size());
  return raw;
}

namespace {

double value_where_present(const Metric& metric, const Scores& scores, const Labels& labels,
                           int m) {
  const auto member = scores.member(m);
  if (scores.present.empty()) return metric.evaluate(member, labels.value, scores.user);
  std::vector<double> score;
  std::vector<double> label;
  std::vector<std::int32_t> user;
  for (std::size_t i = 0; i < member.size(); ++i) {
    if (!scores.has(m, i)) continue;
    score.push_back(member[i]);
    label.push_back(labels.value[i]);
    user.push_back(scores.user[i]);
  }
  return metric.evaluate(score, label, user);
}

}  // namespace

std::vector<double> performance(const FusionOptions& options, const Scores& scores,
                                const Labels& labels) {
  const bool rating = options.task == "rating";
  MetricOptions metric_options;
  metric_options.positive = options.positive;
  const auto metric = make_metric(rating ? "rmse" : "auc", metric_options);
  std::vector<double> out;
  for (int m = 0; m < scores.members; ++m) {
    const double value = value_where_present(*metric, scores, labels, m);
    constexpr double kPerfect = 1e-9;  // an rmse below this counts as this: no division by zero
    double above = rating ? 1.0 / std::max(value, kPerfect) : value - 0.5;
    if (std::isnan(above)) above = 0;
    out.push_back(above);
  }
  return out;
}

CheckedRule::CheckedRule(std::string name, FusionOptions options)
    : name_(std::move(name)), options_(std::move(options)) {}

void CheckedRule::fit(const Scores& validation, const Labels& labels) {
  check_scores(name_, options_, validation, takes_missing());
  if (labels.value.empty() && validation.rows > 0) {
    if (!needs_labels()) {
      do_fit(validation, labels);
      return;
    }
    throw Error(Code::Config, "fusion rule '" + name_ + "' learns from labels and there are none",
                "give the labels, or take a rule that needs none: average, rrf, comb-sum, ...");
  }
  TUTTI_ASSERT(labels.value.size() == static_cast<std::size_t>(validation.rows), "a label a row");
  do_fit(validation, labels);
  TUTTI_ASSERT(members() == validation.members, "the rule knows its members");
}

void CheckedRule::fuse(const Scores& in, std::span<double> out) const {
  TUTTI_ASSERT(members() > 0, "fuse before fit or restore");
  if (members() != in.members) {
    throw Error(Code::Data, "fusion rule '" + name_ + "' was fitted on " +
                                std::to_string(members()) + " members, " +
                                std::to_string(in.members) + " are given");
  }
  TUTTI_ASSERT(out.size() == static_cast<std::size_t>(in.rows), "an output a row");
  check_scores(name_, options_, in, takes_missing());
  std::fill(out.begin(), out.end(), 0.0);
  do_fuse(in, out);
  if (options_.task != "rating" && !options_.open_scores) {
    for (double& x : out) x = std::min(x, 1.0);
  }
}

}  // namespace tutti
