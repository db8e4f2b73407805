#include "tutti/ensemble/fusion/page.hpp"

#include <array>
#include <cmath>
#include <cstdio>

namespace tutti {

namespace {

std::string with_interval(const Interval& i) {
  if (std::isnan(i.value)) return "-";
  if (std::isnan(i.low)) return four_digits(i.value);
  return four_digits(i.value) + " [" + four_digits(i.low) + ", " + four_digits(i.high) + "]";
}

// "ndcg@10" of "ndcg@10/rated/...".
std::string short_name(const std::string& protocol) {
  return protocol.substr(0, protocol.find('/'));
}

std::string percent(double level) { return std::to_string(std::lround(100 * level)) + "%"; }

PageTable systems_table(const ReportData& data, const std::string& caption,
                        std::vector<Interval> SystemResult::*part) {
  PageTable table;
  table.caption = caption;
  table.header = {"system", "kind"};
  for (std::size_t k = 0; k < data.metrics.size(); ++k) {
    table.header.push_back(short_name(data.metrics[k]) + (data.better[k] == Better::Higher
                                                              ? " (higher is better)"
                                                              : " (lower is better)"));
  }
  for (const SystemResult& system : data.systems) {
    std::vector<std::string> row = {system.name, system.kind};
    if (system.marked) row[1] = system.kind == "member" ? "best member" : "chosen rule";
    for (const Interval& i : system.*part) row.push_back(with_interval(i));
    row.resize(table.header.size(), "-");
    table.rows.push_back(row);
    table.marked.push_back(system.marked);
  }
  return table;
}

PageSection verdict_section(const ReportData& data) {
  PageSection out;
  out.heading = "Verdict";
  out.paragraphs.push_back(data.verdict.sentence);
  PageTable table;
  table.caption = "Differences on test, paired by user; the three " + percent(data.level) +
                  " intervals hold at once, p is Holm-corrected";
  table.header = {"system", "against", "difference", "p", "outcome"};
  for (const Comparison* c : {&data.verdict.against_best, &data.verdict.against_equal,
                              &data.verdict.equal_against_best}) {
    table.rows.push_back({c->system, c->baseline, with_interval(c->difference), four_digits(c->p),
                          std::string(to_string(c->outcome))});
    table.marked.push_back(c == &data.verdict.against_best);
  }
  out.tables.push_back(std::move(table));
  return out;
}

PageSection results_section(const ReportData& data) {
  PageSection out;
  out.heading = "Results";
  out.plot = true;
  out.paragraphs.push_back("Values with " + percent(data.level) +
                           " intervals from a bootstrap over users. Every protocol in full is at "
                           "the end of this page.");
  out.tables.push_back(systems_table(
      data, "Test: rows that neither members nor fusion rules have seen", &SystemResult::test));
  const bool folds = data.choice.folds > 0;
  out.tables.push_back(
      systems_table(data,
                    folds ? "Validation: each row fused by a fit that had left its user out"
                          : "Validation: too few users for folds, so the rules had seen these rows",
                    &SystemResult::validation));
  return out;
}

PageSection choice_section(const ReportData& data) {
  PageSection out;
  out.heading = "Choice of the fusion rule";
  out.paragraphs.push_back("Chosen: " + data.choice.rule + ". " + data.choice.reason + ".");
  PageTable table;
  table.caption = "Cross-validation over users on validation, by " + data.choice.protocol;
  table.header = {"rule", "mean", "standard error", "note"};
  for (const RuleScore& c : data.choice.candidates) {
    const bool good = c.failure.empty();
    table.rows.push_back({c.rule, four_digits(c.mean), good ? four_digits(c.standard_error) : "-",
                          good ? "" : "not available: " + c.failure});
    table.marked.push_back(c.rule == data.choice.rule);
  }
  out.tables.push_back(std::move(table));

  PageTable weights;
  weights.caption = "Weights of the linear rules, fitted on all of validation";
  weights.header = {"rule"};
  weights.header.insert(weights.header.end(), data.members.begin(), data.members.end());
  for (const SystemResult& system : data.systems) {
    if (system.weights.size() != data.members.size()) continue;
    std::vector<std::string> row = {system.name};
    for (const double w : system.weights) row.push_back(four_digits(w));
    weights.rows.push_back(row);
    weights.marked.push_back(system.marked);
  }
  if (!weights.rows.empty()) out.tables.push_back(std::move(weights));
  return out;
}

std::string in_words(Outcome outcome) {
  if (outcome == Outcome::Gain) return "helps";
  if (outcome == Outcome::Loss) return "harms: the ensemble is better without it";
  return "no proven effect: it could be left out";
}

PageSection value_section(const ReportData& data) {
  PageSection out;
  out.heading = "What each member adds";
  PageTable table;
  table.caption = "Test value of " + data.choice.rule +
                  " with all members, less its value without "
                  "this one; the " +
                  percent(data.level) + " intervals hold at once";
  table.header = {"member", "difference", "in words"};
  for (const MemberValue& v : data.member_values) {
    table.rows.push_back({v.member, with_interval(v.gain), in_words(v.outcome)});
    table.marked.push_back(false);
  }
  out.tables.push_back(std::move(table));
  return out;
}

PageSection diversity_section(const ReportData& data) {
  PageSection out;
  out.heading = "Diversity of the members";
  out.paragraphs.push_back(
      "Members that err on the same rows cannot help each other: fusion gains where the error "
      "correlation is low.");
  PageTable table;
  table.caption = "Pairs of members on test";
  table.header = {"member", "with", "error correlation", "disagreement", "Q statistic"};
  for (const PairDiversity& pair : data.diversity) {
    table.rows.push_back({data.members.at(static_cast<std::size_t>(pair.a)),
                          data.members.at(static_cast<std::size_t>(pair.b)),
                          four_digits(pair.error_correlation), four_digits(pair.disagreement),
                          four_digits(pair.q)});
    table.marked.push_back(false);
  }
  out.tables.push_back(std::move(table));
  return out;
}

PageSection list_section(const std::string& heading, const std::string& caption,
                         std::vector<std::string> header,
                         const std::vector<std::pair<std::string, std::string>>& pairs) {
  PageSection out;
  out.heading = heading;
  PageTable table;
  table.caption = caption;
  table.header = std::move(header);
  for (const auto& [name, value] : pairs) table.rows.push_back({name, value});
  table.marked.assign(pairs.size(), false);
  out.tables.push_back(std::move(table));
  return out;
}

}  // namespace

std::string four_digits(double x) {
  if (std::isnan(x)) return "-";
  std::array<char, 48> text{};
  constexpr double kHalfDigit = 0.00005;  // no "-0.0000"
  std::snprintf(text.data(), text.size(), "%.4f", std::abs(x) < kHalfDigit ? 0.0 : x);
  return text.data();
}

Page make_page(const ReportData& data) {
  Page page;
  page.title = data.title.empty() ? "Ensemble report" : data.title;
  page.sections.push_back(verdict_section(data));
  if (!data.failed.empty()) {
    page.sections.push_back(list_section("Members that failed", "Left out of the ensemble",
                                         {"member", "reason"}, data.failed));
  }
  page.sections.push_back(results_section(data));
  page.sections.push_back(choice_section(data));
  if (!data.member_values.empty()) page.sections.push_back(value_section(data));
  if (!data.diversity.empty()) page.sections.push_back(diversity_section(data));
  std::vector<std::pair<std::string, std::string>> protocols;
  for (const std::string& m : data.metrics) protocols.emplace_back(short_name(m), m);
  page.sections.push_back(list_section("Protocols", "Numbers of unlike protocols do not compare",
                                       {"metric", "protocol"}, protocols));
  if (!data.facts.empty()) {
    page.sections.push_back(list_section("This run", "Facts", {"fact", "value"}, data.facts));
  }
  return page;
}

}  // namespace tutti
