#include "tutti/ensemble/fusion/judge.hpp"

#include <array>
#include <cmath>
#include <cstdio>

namespace tutti {

namespace {

std::string number(double x) {
  std::array<char, 32> text{};
  constexpr double kHalfDigit = 0.00005;
  std::snprintf(text.data(), text.size(), "%+.4f", std::abs(x) < kHalfDigit ? 0.0 : x);
  return text.data();
}

// "+0.0021, 95% simultaneous interval +0.0004 to +0.0039"
std::string in_words(const Interval& d, double level) {
  if (std::isnan(d.value)) return "undefined on these rows";
  return number(d.value) + ", " + std::to_string(std::lround(100 * level)) +
         "% simultaneous interval " + number(d.low) + " to " + number(d.high);
}

std::string keep_in_words(const Verdict& v) {
  if (v.keep == "rule") return "keep " + v.rule;
  if (v.keep == "average") return "keep equal weights";
  return "keep " + v.best_member + " alone";
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::Gain:
      return "gain";
    case Outcome::Loss:
      return "loss";
    case Outcome::Noise:
      break;
  }
  return "noise";
}

Outcome outcome_of(const Interval& difference, Better better) {
  // NaN compares false: noise.
  if (difference.low > 0) return better == Better::Higher ? Outcome::Gain : Outcome::Loss;
  if (difference.high < 0) return better == Better::Higher ? Outcome::Loss : Outcome::Gain;
  return Outcome::Noise;
}

int best_member(const Metric& metric, const Scores& validation, const Labels& labels) {
  int best = 0;
  double best_value = std::nan("");
  for (int m = 0; m < validation.members; ++m) {
    const double value = metric.evaluate(validation.member(m), labels.value, validation.user);
    const bool wins = metric.better() == Better::Higher ? value > best_value : value < best_value;
    if (wins || (std::isnan(best_value) && !std::isnan(value))) {
      best = m;
      best_value = value;
    }
  }
  return best;
}

Verdict judge(const Metric& metric, const std::string& rule, std::span<const double> fused,
              const Scores& test, const Labels& labels, int best,
              const std::vector<std::string>& names, const BootstrapOptions& options) {
  TUTTI_ASSERT(
      best >= 0 && best < test.members && names.size() == static_cast<std::size_t>(test.members),
      "a name a member, and the best is one of them");
  // In the order of operations of rule "average", so that it differs from itself by nothing.
  std::vector<double> equal(fused.size(), 0.0);
  const double weight = 1.0 / test.members;
  for (int m = 0; m < test.members; ++m) {
    const auto score = test.member(m);
    for (std::size_t i = 0; i < equal.size(); ++i) equal[i] += weight * score[i];
  }

  const auto prepare = [&](std::span<const double> score) {
    return metric.prepare(score, labels.value, test.user);
  };
  const std::array<std::unique_ptr<PreparedMetric>, 3> prepared = {
      prepare(fused), prepare(test.member(best)), prepare(equal)};
  const std::array<const PreparedMetric*, 3> systems = {prepared[0].get(), prepared[1].get(),
                                                        prepared[2].get()};
  const Resampled resampled = resample(systems, test.user, options);

  Verdict out;
  out.protocol = metric.protocol();
  out.rule = rule;
  out.best_member = names[static_cast<std::size_t>(best)];
  const std::array<std::string, 3> system_names = {rule, out.best_member, "equal weights"};
  BootstrapOptions each = options;
  each.level = 1 - (1 - options.level) / 3;
  const auto compare = [&](std::size_t a, std::size_t b) {
    const Interval d = difference(resampled, a, b, each);
    return Comparison{system_names[a], system_names[b], d, bootstrap_p(resampled, a, b),
                      outcome_of(d, metric.better())};
  };
  out.against_best = compare(0, 1);
  out.against_equal = compare(0, 2);
  out.equal_against_best = compare(2, 1);
  const std::vector<double> p =
      holm(std::array{out.against_best.p, out.against_equal.p, out.equal_against_best.p});
  out.against_best.p = p[0];
  out.against_equal.p = p[1];
  out.equal_against_best.p = p[2];

  const bool rule_gains = out.against_best.outcome == Outcome::Gain;
  const bool equal_gains = out.equal_against_best.outcome == Outcome::Gain;
  if (rule_gains && (out.against_equal.outcome == Outcome::Gain || !equal_gains)) {
    out.keep = "rule";
  } else {
    out.keep = equal_gains ? "average" : "member";
  }
  if (out.keep == "average" && rule == "average") out.keep = "rule";
  out.sentence = std::string(to_string(out.against_best.outcome)) + ": " + rule +
                 " against the best member " + out.best_member + " " +
                 in_words(out.against_best.difference, options.level);
  if (rule != "average") {
    out.sentence += "; against equal weights " + std::string(to_string(out.against_equal.outcome)) +
                    " (" + in_words(out.against_equal.difference, options.level) + ")";
  }
  out.sentence += ", by " + out.protocol + "; " + keep_in_words(out);
  return out;
}

void require_same_protocol(const std::string& a, const std::string& b) {
  if (a == b) return;
  throw Error(Code::Data, "unlike protocols cannot be compared: '" + a + "' and '" + b + "'",
              "evaluate both on the same rows with the same metric");
}

}  // namespace tutti
