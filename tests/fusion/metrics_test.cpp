#include "tutti/data/error.hpp"
#include "tutti/data/random.hpp"
#include "tutti/ensemble/metric.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

namespace tutti {
namespace {

using ::testing::HasSubstr;

struct Rows {
  std::vector<double> score;
  std::vector<double> label;
  std::vector<std::int32_t> user;
};

double evaluate(const std::string& name, const Rows& rows, const std::vector<double>& weight = {}) {
  return make_metric(name, {})->evaluate(rows.score, rows.label, rows.user, weight);
}

const char* const kRanked[] = {"ndcg@3", "hit@3", "recall@3", "precision@3", "mrr@3", "map@3"};

// What a ranked metric says of one list without ties, from its definition.
double by_definition(const std::string& name, const std::vector<int>& relevant) {
  const int k = 3;
  double hits = 0, dcg = 0, ideal = 0, first = 0, precision_sum = 0;
  const int positives = std::accumulate(relevant.begin(), relevant.end(), 0);
  for (int r = 0; r < k && r < static_cast<int>(relevant.size()); ++r) {
    if (r < positives) ideal += 1 / std::log2(r + 2);
    if (!relevant[static_cast<std::size_t>(r)]) continue;
    hits += 1;
    dcg += 1 / std::log2(r + 2);
    if (first == 0) first = 1.0 / (r + 1);
    precision_sum += hits / (r + 1);
  }
  if (name == "ndcg@3") return dcg / ideal;
  if (name == "hit@3") return hits > 0 ? 1 : 0;
  if (name == "recall@3") return hits / positives;
  if (name == "precision@3") return hits / k;
  if (name == "mrr@3") return first;
  return precision_sum / positives;
}

TEST(RankedMetrics, ties_give_the_mean_over_all_orders_of_tied_rows) {
  // Scores 3 2 2 2 2 1 with every choice of labels: the four tied rows in all 24 orders.
  for (int labels = 1; labels < 64; ++labels) {
    Rows rows;
    rows.score = {3, 2, 2, 2, 2, 1};
    rows.user.assign(6, 0);
    for (int i = 0; i < 6; ++i) rows.label.push_back((labels >> i) & 1);
    for (const std::string name : kRanked) {
      std::vector<int> order = {1, 2, 3, 4};
      double sum = 0;
      do {
        std::vector<int> relevant = {labels & 1};
        for (const int i : order) relevant.push_back((labels >> i) & 1);
        relevant.push_back(labels >> 5 & 1);
        sum += by_definition(name, relevant);
      } while (std::next_permutation(order.begin(), order.end()));
      EXPECT_NEAR(evaluate(name, rows), sum / 24, 1e-12) << name << " labels " << labels;
    }
  }
}

TEST(RankedMetrics, users_without_a_positive_are_left_out) {
  const Rows rows{{3, 2, 1, 5}, {0, 1, 0, 0}, {0, 0, 0, 4}};
  for (const std::string name : kRanked) {
    EXPECT_DOUBLE_EQ(evaluate(name, rows), by_definition(name, {0, 1, 0})) << name;
  }
  for (const std::string name : kRanked) {
    EXPECT_TRUE(std::isnan(evaluate(name, {{1, 2}, {0, 0}, {0, 1}}))) << name;
  }
}

TEST(RankedMetrics, a_list_shorter_than_k_is_used_whole) {
  const Rows rows{{2, 1}, {0, 1}, {0, 0}};
  EXPECT_DOUBLE_EQ(evaluate("ndcg@10", rows), 1 / std::log2(3));
  EXPECT_DOUBLE_EQ(evaluate("precision@10", rows), 0.1);
  EXPECT_DOUBLE_EQ(evaluate("map@10", rows), 0.5);
}

TEST(Auc, one_class_is_undefined) {
  for (const char* name : {"auc", "user-auc", "gauc"}) {
    EXPECT_TRUE(std::isnan(evaluate(name, {{1, 2}, {1, 1}, {0, 0}}))) << name;
    EXPECT_TRUE(std::isnan(evaluate(name, {{1}, {0}, {0}}))) << name;
    EXPECT_TRUE(std::isnan(evaluate(name, {{}, {}, {}}))) << name;
  }
}

TEST(Auc, within_users_counts_users_once_or_by_rows) {
  // User 0: auc 1 over 2 rows; user 1: auc 0 over 4 rows; user 2: one class.
  const Rows rows{{2, 1, 1, 2, 2, 2, 9}, {1, 0, 1, 0, 0, 0, 1}, {0, 0, 1, 1, 1, 1, 2}};
  EXPECT_DOUBLE_EQ(evaluate("user-auc", rows), 0.5);
  EXPECT_DOUBLE_EQ(evaluate("gauc", rows), 2.0 / 6);
  EXPECT_DOUBLE_EQ(evaluate("auc", {{1, 1, 1}, {0, 1, 0}, {0, 0, 0}}), 0.5);
  EXPECT_DOUBLE_EQ(evaluate("user-auc", {{1, 1, 0}, {0, 1, 0}, {0, 0, 0}}), 0.75);
}

TEST(LogLoss, sure_and_wrong_is_clipped) {
  constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
  EXPECT_DOUBLE_EQ(evaluate("log-loss", {{0.0}, {1}, {0}}), -std::log(kEpsilon));
}

class EveryMetric : public ::testing::TestWithParam<std::string> {
 protected:
  static Rows rows() {
    Rows out;
    Random random(11, "rows");
    for (int i = 0; i < 400; ++i) {
      out.user.push_back(static_cast<std::int32_t>(random.below(30)));
      out.label.push_back(random.below(3) == 0 ? 1 : 0);
      out.score.push_back(static_cast<double>(random.below(12)) / 12);  // many ties
    }
    return out;
  }
};

TEST_P(EveryMetric, a_whole_weight_is_that_many_copies_of_the_user) {
  const Rows plain = rows();
  Random random(2, "weights");
  std::vector<double> weight;
  weight.reserve(30);
  for (int u = 0; u < 30; ++u) weight.push_back(static_cast<double>(random.below(4)));
  Rows copied;
  std::int32_t next = 0;
  for (std::int32_t u = 0; u < 30; ++u) {
    for (int c = 0; c < weight[static_cast<std::size_t>(u)]; ++c, ++next) {
      for (std::size_t i = 0; i < plain.user.size(); ++i) {
        if (plain.user[i] != u) continue;
        copied.user.push_back(next);
        copied.score.push_back(plain.score[i]);
        copied.label.push_back(plain.label[i]);
      }
    }
  }
  EXPECT_NEAR(evaluate(GetParam(), plain, weight), evaluate(GetParam(), copied), 1e-12);
}

TEST_P(EveryMetric, the_order_of_rows_does_not_matter) {
  const Rows plain = rows();
  Rows turned = plain;
  std::reverse(turned.score.begin(), turned.score.end());
  std::reverse(turned.label.begin(), turned.label.end());
  std::reverse(turned.user.begin(), turned.user.end());
  EXPECT_NEAR(evaluate(GetParam(), plain), evaluate(GetParam(), turned), 1e-13);
}

TEST_P(EveryMetric, what_is_not_finite_is_an_error_that_names_the_row) {
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    for (const bool of_score : {true, false}) {
      Rows broken = rows();
      (of_score ? broken.score : broken.label)[23] = bad;
      try {
        evaluate(GetParam(), broken);
        ADD_FAILURE() << "accepted " << bad;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), Code::Data);
        EXPECT_THAT(error.what(), HasSubstr("row 23"));
      }
    }
  }
}

TEST_P(EveryMetric, better_scores_move_it_the_better_way) {
  MetricOptions options;
  options.k = 2;
  const auto metric = make_metric(GetParam(), options);
  const Rows noise = rows();
  const double gain = metric->evaluate(noise.label, noise.label, noise.user) -
                      metric->evaluate(noise.score, noise.label, noise.user);
  EXPECT_GT(metric->better() == Better::Higher ? gain : -gain, 0.0);
}

TEST_P(EveryMetric, terms_are_the_value) {
  const Rows plain = rows();
  const auto prepared = make_metric(GetParam(), {})->prepare(plain.score, plain.label, plain.user);
  const UserTerms* terms = prepared->terms();
  if (terms == nullptr) return;
  const double mean = std::accumulate(terms->sum.begin(), terms->sum.end(), 0.0) /
                      std::accumulate(terms->weight.begin(), terms->weight.end(), 0.0);
  const double value = prepared->value({});
  EXPECT_NEAR(mean, GetParam() == "rmse" ? value * value : value, 1e-12);
}

INSTANTIATE_TEST_SUITE_P(Metrics, EveryMetric, ::testing::ValuesIn(MetricRegistry::names()),
                         [](const auto& metric) {
                           std::string name = metric.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

std::string error_of(const std::string& name) {
  try {
    make_metric(name, {});
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::Config);
    return error.what();
  }
  return "no error";
}

TEST(MakeMetric, says_what_is_wrong_with_a_name) {
  EXPECT_THAT(error_of("ndgc@10"), HasSubstr("did you mean 'ndcg'?"));
  EXPECT_THAT(error_of("ndcg@"), HasSubstr("not a whole number"));
  EXPECT_THAT(error_of("ndcg@0"), HasSubstr("not a whole number"));
  EXPECT_THAT(error_of("ndcg@3x"), HasSubstr("not a whole number"));
  EXPECT_THAT(error_of("auc@10"), HasSubstr("auc has no cut-off"));
}

TEST(MakeMetric, the_protocol_is_in_the_name) {
  MetricOptions options;
  options.split = "user-time";
  EXPECT_EQ(make_metric("ndcg@5", options)->protocol(), "ndcg@5/rated/ties=avg/per-user-user-time");
  EXPECT_EQ(make_metric("auc", options)->protocol(), "auc/rated/ties=avg/all-rows-user-time");
  EXPECT_EQ(make_metric("log-loss", {})->protocol(), "log-loss/rated/ties=none/all-rows-time");
  EXPECT_EQ(make_metric("hit", {})->protocol(), "hit@10/rated/ties=avg/per-user-time");
}

}  // namespace
}  // namespace tutti
