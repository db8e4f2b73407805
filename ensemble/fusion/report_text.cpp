// Markdown and terminal text of a report.
#include "tutti/ensemble/fusion/page.hpp"

#include <algorithm>

namespace tutti {

namespace {

// Names come from users: a control character must not move the cursor or break a table.
std::string plain(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out.push_back(byte < 0x20 || byte == 0x7f ? ' ' : c);
  }
  return out;
}

std::string markdown_cell(const std::string& text) {
  std::string out;
  for (const char c : plain(text)) {
    if (c == '|' || c == '\\' || c == '`' || c == '*' || c == '<') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

// A column of numbers (or "-") is set to the right.
bool is_numeric(const PageTable& table, std::size_t column) {
  return std::all_of(table.rows.begin(), table.rows.end(), [&](const auto& row) {
    const std::string& cell = row[column];
    return !cell.empty() && cell.find_first_not_of("0123456789.,+-[] e") == std::string::npos;
  });
}

}  // namespace

std::string text_table(const PageTable& table) {
  std::vector<std::size_t> width;
  std::vector<bool> right;
  for (std::size_t c = 0; c < table.header.size(); ++c) {
    width.push_back(width_of(plain(table.header[c])));
    for (const auto& row : table.rows) width[c] = std::max(width[c], width_of(plain(row[c])));
    right.push_back(is_numeric(table, c));
  }
  const auto line = [&](const std::vector<std::string>& cells, const std::string& lead) {
    std::string out = lead;
    for (std::size_t c = 0; c < cells.size(); ++c) {
      const std::string text = plain(cells[c]);
      const std::string pad(width[c] - width_of(text), ' ');
      out += (c > 0 ? "  " : "") + (right[c] ? pad + text : text + pad);
    }
    out.erase(out.find_last_not_of(' ') + 1);
    return out + "\n";
  };
  std::string out = line(table.header, "  ");
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    out += line(table.rows[r], table.marked[r] ? "* " : "  ");
  }
  return out;
}

std::string report_text(const ReportData& data) {
  const Page page = make_page(data);
  std::string out = plain(page.title) + "\n";
  for (const PageSection& section : page.sections) {
    out += "\n" + plain(section.heading) + "\n";
    for (const std::string& p : section.paragraphs) out += plain(p) + "\n";
    for (const PageTable& table : section.tables) {
      out += "\n" + plain(table.caption) + "\n" + text_table(table);
    }
  }
  return out;
}

std::string report_markdown(const ReportData& data) {
  const Page page = make_page(data);
  std::string out = "# " + markdown_cell(page.title) + "\n";
  const auto line = [](const std::vector<std::string>& cells, bool strong) {
    std::string text = "|";
    for (std::size_t c = 0; c < cells.size(); ++c) {
      const std::string cell = markdown_cell(cells[c]);
      text += strong && c == 0 ? " **" + cell + "** |" : " " + cell + " |";
    }
    return text + "\n";
  };
  for (const PageSection& section : page.sections) {
    out += "\n## " + markdown_cell(section.heading) + "\n";
    for (const std::string& p : section.paragraphs) out += "\n" + markdown_cell(p) + "\n";
    for (const PageTable& table : section.tables) {
      out += "\n" + markdown_cell(table.caption) + "\n\n" + line(table.header, false) + "|";
      for (std::size_t c = 0; c < table.header.size(); ++c) {
        out += is_numeric(table, c) ? " ---: |" : " --- |";
      }
      out += "\n";
      for (std::size_t r = 0; r < table.rows.size(); ++r) {
        out += line(table.rows[r], table.marked[r]);
      }
    }
  }
  return out;
}

}  // namespace tutti
