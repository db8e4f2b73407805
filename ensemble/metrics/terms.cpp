#include "tutti/ensemble/metrics/terms.hpp"

#include "tutti/data/number_text.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace tutti {

namespace {

class Terms final : public PreparedMetric {
 public:
  Terms(UserTerms terms, Finish finish) : terms_(std::move(terms)), finish_(finish) {}

  [[nodiscard]] double value(std::span<const double> user_weight) const override {
    TUTTI_ASSERT(user_weight.empty() || user_weight.size() >= terms_.sum.size(),
                 "a weight for each user");
    double sum = 0;
    double weight = 0;
    for (std::size_t u = 0; u < terms_.sum.size(); ++u) {
      const double w = user_weight.empty() ? 1.0 : user_weight[u];
      sum += w * terms_.sum[u];
      weight += w * terms_.weight[u];
    }
    const double mean = sum / weight;  // 0/0: NaN, undefined
    return finish_ == Finish::Root ? std::sqrt(mean) : mean;
  }

  [[nodiscard]] const UserTerms* terms() const noexcept override { return &terms_; }

 private:
  UserTerms terms_;
  Finish finish_;
};

}  // namespace

std::string positive_in_protocol(const MetricOptions& options) {
  return options.positive == MetricOptions{}.positive
             ? ""
             : "/positive=" + shortest_text(options.positive);
}

void bad_row(const std::string& metric, std::size_t row, const std::string& what,
             const std::string& hint) {
  throw Error(Code::Data,
              "metric " + metric + ": row " + std::to_string(row) + " (from 0): " + what, hint);
}

std::size_t check_rows(const std::string& metric, std::span<const double> score,
                       std::span<const double> label, std::span<const std::int32_t> user) {
  TUTTI_ASSERT(score.size() == label.size() && score.size() == user.size(),
               "columns of one length");
  std::int32_t last = -1;
  for (std::size_t i = 0; i < score.size(); ++i) {
    TUTTI_ASSERT(user[i] >= 0, "user ids count from 0");
    last = std::max(last, user[i]);
    if (!std::isfinite(score[i])) {
      bad_row(metric, i, "the score is " + std::to_string(score[i]),
              "look at the member that made it: did its loss diverge?");
    }
    if (!std::isfinite(label[i])) {
      bad_row(metric, i, "the label is " + std::to_string(label[i]), "drop rows without a label");
    }
  }
  return last < 0 ? 0 : static_cast<std::size_t>(last) + 1;
}

std::unique_ptr<PreparedMetric> prepare_terms(UserTerms terms, Finish finish) {
  return std::make_unique<Terms>(std::move(terms), finish);
}

std::unique_ptr<PreparedMetric> prepare_row_mean(std::span<const std::int32_t> user,
                                                 std::size_t users,
                                                 const std::function<double(std::size_t)>& of_row,
                                                 Finish finish) {
  UserTerms terms{std::vector<double>(users), std::vector<double>(users)};
  for (std::size_t i = 0; i < user.size(); ++i) {
    const auto u = static_cast<std::size_t>(user[i]);
    terms.sum[u] += of_row(i);
    terms.weight[u] += 1;
  }
  return prepare_terms(std::move(terms), finish);
}

std::unique_ptr<PreparedMetric> prepare_per_user(
    const std::string& metric, std::span<const double> score, std::span<const double> label,
    std::span<const std::int32_t> user, double positive,
    const std::function<std::optional<UserValue>(const UserList&)>& of_user) {
  const std::size_t users = check_rows(metric, score, label, user);
  std::vector<std::size_t> order(score.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return user[a] != user[b] ? user[a] < user[b] : score[a] > score[b];
  });
  UserTerms terms{std::vector<double>(users), std::vector<double>(users)};
  std::vector<TieGroup> groups;
  for (std::size_t begin = 0; begin < order.size();) {
    const std::int32_t who = user[order[begin]];
    UserList list;
    groups.clear();
    std::size_t i = begin;
    for (; i < order.size() && user[order[i]] == who; ++i) {
      const bool tied = i > begin && score[order[i]] == score[order[i - 1]];
      if (!tied) groups.push_back({static_cast<int>(i - begin), 0, 0});
      const int relevant = label[order[i]] >= positive ? 1 : 0;
      groups.back().size += 1;
      groups.back().positives += relevant;
      list.positives += relevant;
    }
    list.rows = static_cast<int>(i - begin);
    list.groups = groups;
    if (const auto result = of_user(list)) {
      terms.sum[static_cast<std::size_t>(who)] = result->weight * result->value;
      terms.weight[static_cast<std::size_t>(who)] = result->weight;
    }
    begin = i;
  }
  return prepare_terms(std::move(terms));
}

RankedMetric::RankedMetric(std::string name, const MetricOptions& options)
    : name_(std::move(name) + "@" + std::to_string(options.k)), options_(options) {
  if (options.k < 1) {
    throw Error(Code::Config, "metric " + name_ + ": the cut-off must be at least 1",
                "write for example ndcg@10");
  }
}

std::unique_ptr<PreparedMetric> RankedMetric::prepare(std::span<const double> score,
                                                      std::span<const double> label,
                                                      std::span<const std::int32_t> user) const {
  return prepare_per_user(name_, score, label, user, options_.positive,
                          [this](const UserList& list) -> std::optional<UserValue> {
                            if (list.positives == 0) return std::nullopt;
                            return UserValue{of_user(list, options_.k), 1.0};
                          });
}

std::string RankedMetric::protocol() const {
  return name_ + "/rated/ties=avg/per-user-" + options_.split + positive_in_protocol(options_);
}

}  // namespace tutti
