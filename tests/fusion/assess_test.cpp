#include "tutti/ensemble/fusion/assess.hpp"

#include "tutti/data/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "table.hpp"

namespace tutti {
namespace {

using testing::clicks;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Table;

struct Case {
  Table validation = clicks(80, 12, {0.4, 0.8, 0.8}, 1);
  Table test = clicks(90, 12, {0.4, 0.8, 0.8}, 2);

  [[nodiscard]] AssessInput input() const {
    AssessInput in;
    in.validation = validation.scores();
    in.validation_labels = validation.labels();
    in.test = test.scores();
    in.test_labels = test.labels();
    in.fusion = testing::facts(3);
    in.candidates = {"average", "learned", "best", "vote"};
    in.choose_by = "log-loss";
    in.bootstrap.replicates = 200;
    in.references = {{"popularity", std::vector<double>(validation.user.size(), 0.5),
                      std::vector<double>(test.user.size(), 0.5)}};
    return in;
  }
};

const SystemResult& system_of(const ReportData& report, const std::string& name) {
  return *std::find_if(report.systems.begin(), report.systems.end(),
                       [&](const SystemResult& s) { return s.name == name; });
}

TEST(Assess, measures_members_references_and_rules_alike) {
  const Case c;
  const Assessment out = assess(c.input());
  const ReportData& report = out.report;
  ASSERT_EQ(report.systems.size(), 3U + 1 + 4);
  ASSERT_EQ(report.metrics.size(), 4U);
  EXPECT_EQ(report.metrics[report.judged_by], "log-loss/rated/ties=none/all-rows-time");
  const auto log_loss = make_metric("log-loss", {});
  EXPECT_EQ(system_of(report, "member1").test[report.judged_by].value,
            log_loss->evaluate(c.test.member(1), c.test.label, c.test.user));
  EXPECT_NEAR(system_of(report, "popularity").test[report.judged_by].value, std::log(2.0), 1e-12);
  EXPECT_EQ(system_of(report, out.rule).test[report.judged_by].value,
            log_loss->evaluate(out.fused_test, c.test.label, c.test.user));
  EXPECT_EQ(system_of(report, "best").test[0].value, system_of(report, "member0").test[0].value);
  constexpr double kRounding = 1e-12;  // of a mean over other weights
  for (const SystemResult& s : report.systems) {
    for (const Interval& i : s.test) {
      EXPECT_LE(i.low, i.value + kRounding) << s.name;
      EXPECT_GE(i.high, i.value - kRounding) << s.name;
    }
  }
  EXPECT_TRUE(system_of(report, "member0").marked);
  EXPECT_TRUE(system_of(report, out.rule).marked);
  EXPECT_EQ(report.diversity.size(), 3U);
  ASSERT_EQ(report.member_values.size(), 3U);
  EXPECT_EQ(report.member_values[2].member, "member2");
}

TEST(Assess, the_validation_value_of_a_rule_is_out_of_fold) {
  const Case c;
  const Assessment out = assess(c.input());
  const auto rule = FusionRegistry::make("learned", testing::facts(3));
  rule->fit(c.validation.scores(), c.validation.labels());
  std::vector<double> seen(c.validation.user.size());
  rule->fuse(c.validation.scores(), seen);
  const double optimistic =
      make_metric("log-loss", {})->evaluate(seen, c.validation.label, c.validation.user);
  EXPECT_GT(system_of(out.report, "learned").validation[out.report.judged_by].value, optimistic);
  EXPECT_EQ(system_of(out.report, "learned").weights, rule->weights());
}

TEST(Assess, gives_the_same_bytes_again) {
  const Case c;
  EXPECT_EQ(report_json(assess(c.input()).report), report_json(assess(c.input()).report));
}

TEST(Assess, ratings_have_their_own_metrics) {
  Case c;
  for (Table* t : {&c.validation, &c.test}) {
    for (double& y : t->label) y = 1 + 4 * y;
    for (double& s : t->values) s = 1 + 4 * s;
  }
  AssessInput in = c.input();
  in.fusion.task = "rating";
  in.fusion.positive = 4;
  in.choose_by = "";
  in.candidates = {"average", "learned", "average-rank"};
  const Assessment out = assess(in);
  EXPECT_EQ(out.report.metrics[out.report.judged_by], "rmse/rated/ties=none/all-rows-time");
  EXPECT_THAT(out.report.choice.candidates[2].failure, HasSubstr("predicts no rating"));
  EXPECT_NE(out.rule, "average-rank");
}

TEST(Assess, says_what_is_missing) {
  const Case c;
  AssessInput in = c.input();
  in.choose_by = "ndgc@10";
  EXPECT_THROW(assess(in), Error);
  in = c.input();
  in.test = Scores{{}, {}, 3, 0};
  in.test_labels = {};
  EXPECT_THROW(assess(in), Error);
}

TEST(Report, json_holds_the_numbers_in_full) {
  const Case c;
  const Assessment out = assess(c.input());
  const auto json = nlohmann::json::parse(report_json(out.report));
  EXPECT_EQ(json["format"], "tutti-metrics");
  EXPECT_EQ(json["systems"].size(), 8U);
  EXPECT_EQ(json["systems"][0]["test"]["auc/rated/ties=avg/all-rows-time"]["value"],
            out.report.systems[0].test[0].value);
  EXPECT_EQ(json["verdict"]["outcome"],
            std::string(to_string(out.report.verdict.against_best.outcome)));
  EXPECT_EQ(json["choice"]["candidates"].size(), 4U);
  EXPECT_EQ(json["member_values"][1]["member"], "member1");
}

TEST(Report, undefined_is_null_and_a_dash) {
  Case c;
  c.test.label.assign(c.test.label.size(), 1.0);
  const Assessment out = assess(c.input());
  const auto json = nlohmann::json::parse(report_json(out.report));
  EXPECT_TRUE(json["systems"][0]["test"]["auc/rated/ties=avg/all-rows-time"]["value"].is_null());
  EXPECT_THAT(report_text(out.report), HasSubstr("  -"));
}

ReportData awkward() {
  const Case c;
  ReportData report = assess(c.input()).report;
  report.title = "A <b>title</b> & more";
  report.members[1] = "bert|\"base\"\n<script>";
  report.systems[1].name = report.members[1];
  report.failed = {{"gpt\x1b[31m", "loss is nan at step 7"}};
  report.facts = {{"seed", "42"}};
  return report;
}

TEST(Report, html_is_whole_and_escapes_names) {
  const std::string html = report_html(awkward());
  EXPECT_THAT(html, HasSubstr("<title>A &lt;b&gt;title&lt;/b&gt; &amp; more</title>"));
  EXPECT_THAT(html, HasSubstr("bert|&quot;base&quot; &lt;script&gt;"));
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("http")));  // needs no other file
  EXPECT_THAT(html, HasSubstr("prefers-color-scheme: dark"));
  EXPECT_THAT(html, HasSubstr("<th scope=\"row\">learned</th>"));
  EXPECT_THAT(html, HasSubstr("<svg"));
  for (const char* tag : {"table", "tr", "section", "svg", "g"}) {
    const auto count = [&](const std::string& what) {
      std::size_t n = 0;
      for (std::size_t at = html.find(what); at != std::string::npos;
           at = html.find(what, at + 1)) {
        ++n;
      }
      return n;
    };
    EXPECT_EQ(count("<" + std::string(tag) + " ") + count("<" + std::string(tag) + ">"),
              count("</" + std::string(tag) + ">"))
        << tag;
  }
}

TEST(Report, markdown_tables_have_one_width) {
  const std::string text = report_markdown(awkward());
  std::istringstream lines(text);
  std::size_t width = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] != '|') {
      width = 0;
      continue;
    }
    std::size_t bars = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '|' && (i == 0 || line[i - 1] != '\\')) ++bars;
    }
    if (width == 0) width = bars;
    EXPECT_EQ(bars, width) << line;
  }
  EXPECT_THAT(text, HasSubstr("## Verdict"));
  EXPECT_THAT(text, HasSubstr("| **member0** | best member |"));
}

TEST(Report, terminal_text_is_aligned_and_cannot_move_the_cursor) {
  const std::string text = report_text(awkward());
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, HasSubstr("loss is nan at step 7"));
  ReportData small;
  small.members = {"é", "abcd"};
  small.diversity = {{0, 1, 0.5, 0.25, -1}, {1, 0, 0.5, 0.25, NAN}};
  EXPECT_THAT(report_text(small),
              HasSubstr("  member  with  error correlation  disagreement  Q statistic\n"
                        "  é       abcd             0.5000        0.2500      -1.0000\n"
                        "  abcd    é                0.5000        0.2500            -\n"));
}

}  // namespace
}  // namespace tutti
