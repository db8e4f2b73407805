#pragma once

#include "tutti/ensemble/fusion/report.hpp"

#include <string>
#include <string_view>
#include <vector>

// A report as headings, paragraphs and tables, whatever it is written in; inside ensemble/fusion.
namespace tutti {

struct PageTable {
  std::string caption;
  std::vector<std::string> header;             ///< the first column names its row
  std::vector<std::vector<std::string>> rows;  ///< as long as the header
  std::vector<bool> marked;                    ///< [row] to be set off
};

struct PageSection {
  std::string heading;
  std::vector<std::string> paragraphs;
  std::vector<PageTable> tables;
  bool plot = false;  ///< HTML: draw the intervals of the judging metric here
};

struct Page {
  std::string title;
  std::vector<PageSection> sections;
};

Page make_page(const ReportData& data);

/// "0.7012", or "-" where undefined.
std::string four_digits(double x);

/// Column widths are in code points. Rows are separated by newlines; numbers to the right.
std::string text_table(const PageTable& table);

}  // namespace tutti
