#pragma once

#include "tutti/ensemble/fusion/choose.hpp"
#include "tutti/ensemble/fusion/diversity.hpp"
#include "tutti/ensemble/fusion/judge.hpp"
#include "tutti/ensemble/fusion/member_value.hpp"

#include <string>
#include <utility>
#include <vector>

namespace tutti {

/// One scored system on both parts.
struct SystemResult {
  std::string name;
  std::string kind;                  ///< "member" | "reference" | "rule"
  std::vector<Interval> validation;  ///< [metric]; rules: each row by a fit without its user
  std::vector<Interval> test;        ///< [metric]
  std::vector<double> weights;       ///< [member]; only linear rules
  bool marked = false;               ///< the chosen rule; the best member
};

/// All that a report shows; assess() fills it, and a command may add facts.
struct ReportData {
  std::string title;
  std::string task;
  std::vector<std::pair<std::string, std::string>>
      facts;                         ///< name, value: data, seed, version, ...
  double level = 0.95;               ///< of the intervals
  std::vector<std::string> metrics;  ///< protocols: the columns
  std::vector<Better> better;        ///< [metric]
  std::size_t judged_by = 0;         ///< the metric of choice and verdict
  std::vector<std::string> members;
  std::vector<SystemResult> systems;
  Choice choice;
  Verdict verdict;
  std::vector<MemberValue> member_values;                   ///< under the chosen rule, on test
  std::vector<PairDiversity> diversity;                     ///< of members, on test
  std::vector<std::pair<std::string, std::string>> failed;  ///< member, reason
};

/// The report for people: tables in Markdown, or one HTML file that needs no other (light and dark
/// by the reader's setting, no scripts), or text in aligned columns for a terminal.
std::string report_markdown(const ReportData& data);
std::string report_html(const ReportData& data);
std::string report_text(const ReportData& data);

/// The report for programs (metrics.json), numbers in full; null where a value is undefined.
std::string report_json(const ReportData& data);

}  // namespace tutti
