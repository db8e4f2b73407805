// The report as one HTML file: tables with captions and row headers, one interval plot in SVG.
#include "tutti/ensemble/fusion/page.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace tutti {

namespace {

constexpr const char* kStyle = R"css(
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fdfdfc; --line: #d5d9de;
  --soft: #f1f3f5; --accent: #0b5cad; --muted: #59636e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ea; --paper: #14171a; --line: #3a4149;
  --soft: #1f2429; --accent: #7db8f2; --muted: #a0aab4; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1.5rem 1rem 4rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .4rem; }
p { max-width: 46rem; margin: .4rem 0; }
.verdict { border-left: .3rem solid var(--accent); padding: .3rem .9rem; background: var(--soft); }
.scroll { overflow-x: auto; margin: .9rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; }
caption { text-align: left; color: var(--muted); padding: .2rem 0 .4rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0;
  border-bottom: 1px solid var(--line); }
thead th { font-weight: 600; border-bottom: 2px solid var(--line); }
tbody th { font-weight: 400; }
tr.marked th, tr.marked td { font-weight: 650; background: var(--soft); }
svg { display: block; width: 100%; max-width: 46rem; height: auto; margin: .8rem 0; }
svg text { fill: var(--ink); font: 13px system-ui, sans-serif; }
svg .muted { fill: var(--muted); } svg .grid { stroke: var(--line); }
svg .bar { stroke: var(--muted); stroke-width: 2; } svg .dot { fill: var(--muted); }
svg .marked .bar { stroke: var(--accent); stroke-width: 3; } svg .marked .dot { fill: var(--accent); }
)css";

std::string escape(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += ' ';
    } else {
      out += c;
    }
  }
  return out;
}

std::string fixed(double x) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%.1f", x);
  return text.data();
}

std::string html_table(const PageTable& table) {
  // Wide tables scroll in their own box, which the keyboard can reach.
  std::string out = "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"" +
                    escape(table.caption) + "\"><table><caption>" + escape(table.caption) +
                    "</caption>\n<thead><tr>";
  for (const std::string& h : table.header) out += "<th scope=\"col\">" + escape(h) + "</th>";
  out += "</tr></thead>\n<tbody>\n";
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    out += table.marked[r] ? "<tr class=\"marked\">" : "<tr>";
    for (std::size_t c = 0; c < table.rows[r].size(); ++c) {
      const std::string cell = escape(table.rows[r][c]);
      out += c == 0 ? "<th scope=\"row\">" + cell + "</th>" : "<td>" + cell + "</td>";
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

// Value and interval of each system on test by the judging metric; the table says the same.
std::string interval_plot(const ReportData& data) {
  std::vector<const SystemResult*> shown;
  double low = INFINITY;
  double high = -INFINITY;
  const auto at = [&](const SystemResult& s) { return s.test[data.judged_by]; };
  for (const SystemResult& s : data.systems) {
    if (data.judged_by >= s.test.size() || std::isnan(at(s).low)) continue;
    shown.push_back(&s);
    low = std::min({low, at(s).low, at(s).value});
    high = std::max({high, at(s).high, at(s).value});
  }
  if (shown.empty()) return "";
  const double span = high > low ? high - low : 1.0;
  constexpr double kLeft = 190;
  constexpr double kWide = 480;
  constexpr double kRow = 24;
  const auto x = [&](double value) { return fixed(kLeft + kWide * (value - low) / span); };
  const double bottom = kRow * static_cast<double>(shown.size()) + 8;
  const auto tick = [&](double value) {
    return "<line class=\"grid\" x1=\"" + x(value) + "\" x2=\"" + x(value) + "\" y1=\"4\" y2=\"" +
           fixed(bottom) + "\"/><text class=\"muted\" text-anchor=\"middle\" x=\"" + x(value) +
           "\" y=\"" + fixed(bottom + 18) + "\">" + four_digits(value) + "</text>\n";
  };
  const auto system = [&](const SystemResult& s, std::size_t i) {
    const Interval value = at(s);
    const std::string y = fixed(kRow * (static_cast<double>(i) + 0.5) + 4);
    return std::string("<g") + (s.marked ? " class=\"marked\"" : "") +
           "><text text-anchor=\"end\" x=\"" + fixed(kLeft - 12) + "\" y=\"" + y +
           "\" dominant-baseline=\"middle\">" + escape(s.name) +
           "</text><line class=\"bar\" x1=\"" + x(value.low) + "\" x2=\"" + x(value.high) +
           "\" y1=\"" + y + "\" y2=\"" + y + "\"/><circle class=\"dot\" r=\"5\" cx=\"" +
           x(value.value) + "\" cy=\"" + y + "\"/></g>\n";
  };
  const std::string metric = escape(data.metrics[data.judged_by]);
  std::string out = "<svg viewBox=\"0 0 700 " + fixed(bottom + 28) +
                    "\" role=\"img\" aria-label=\"Test values and intervals by " + metric + "\">\n";
  for (int t = 0; t <= 4; ++t) out += tick(low + span * t / 4);
  for (std::size_t i = 0; i < shown.size(); ++i) out += system(*shown[i], i);
  return out + "</svg>\n";
}

}  // namespace

std::string report_html(const ReportData& data) {
  const Page page = make_page(data);
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
      escape(page.title) + "</title>\n<style>" + kStyle +
      "</style>\n</head>\n<body>\n<main>\n<h1>" + escape(page.title) + "</h1>\n";
  bool first = true;
  for (const PageSection& section : page.sections) {
    out += "<section>\n<h2>" + escape(section.heading) + "</h2>\n";
    for (const std::string& p : section.paragraphs) {
      out += std::string(first ? "<p class=\"verdict\">" : "<p>") + escape(p) + "</p>\n";
      first = false;
    }
    if (section.plot) out += interval_plot(data);
    for (const PageTable& table : section.tables) out += html_table(table);
    out += "</section>\n";
  }
  return out + "</main>\n</body>\n</html>\n";
}

}  // namespace tutti
