#include "tutti/ensemble/fusion/member_value.hpp"

#include <cstddef>
#include <utility>

namespace tutti {

namespace {

// Scores of all members but one; owns its values, shares the users.
struct Without {
  std::vector<double> values;
  std::vector<std::uint8_t> present;
  Scores scores;

  Without(const Without&) = delete;  // scores views values
  Without& operator=(const Without&) = delete;
  Without(const Scores& all, int left_out) {
    values.reserve(all.values.size());
    for (int m = 0; m < all.members; ++m) {
      const auto member = all.member(m);
      if (m == left_out) continue;
      values.insert(values.end(), member.begin(), member.end());
      if (all.present.empty()) continue;
      const auto mine = all.present.subspan(static_cast<std::size_t>(m * all.rows),
                                            static_cast<std::size_t>(all.rows));
      present.insert(present.end(), mine.begin(), mine.end());
    }
    scores = all;
    scores.values = values;
    scores.present = present;
    scores.members = left_out < 0 ? all.members : all.members - 1;
  }
};

FusionOptions without(FusionOptions fusion, int left_out) {
  if (left_out >= 0 && static_cast<std::size_t>(left_out) < fusion.members.size()) {
    fusion.members.erase(fusion.members.begin() + left_out);
  }
  return fusion;
}

}  // namespace

std::vector<MemberValue> member_values(const std::string& rule, const FusionOptions& fusion,
                                       const Scores& validation, const Labels& validation_labels,
                                       const Scores& test, const Labels& test_labels,
                                       const Metric& metric, const BootstrapOptions& options) {
  std::vector<MemberValue> out;
  if (test.members < 2) return out;
  std::vector<std::unique_ptr<PreparedMetric>> prepared;
  std::vector<const PreparedMetric*> views;
  for (int left_out = -1; left_out < test.members; ++left_out) {  // -1: all members
    const Without fit_on(validation, left_out);
    const Without judged_on(test, left_out);
    const auto fitted = make_rule(rule, without(fusion, left_out));
    fitted->fit(fit_on.scores, validation_labels);
    std::vector<double> fused(static_cast<std::size_t>(test.rows));
    fitted->fuse(judged_on.scores, fused);
    prepared.push_back(metric.prepare(fused, test_labels.value, test.user));
    views.push_back(prepared.back().get());
  }
  const Resampled resampled = resample(views, test.user, options);
  BootstrapOptions each = options;
  each.level = 1 - (1 - options.level) / test.members;
  for (int m = 0; m < test.members; ++m) {
    const auto index = static_cast<std::size_t>(m);
    MemberValue value;
    value.member =
        index < fusion.members.size() ? fusion.members[index].name : "member " + std::to_string(m);
    value.gain = difference(resampled, 0, index + 1, each);
    value.outcome = outcome_of(value.gain, metric.better());
    out.push_back(std::move(value));
  }
  return out;
}

}  // namespace tutti
