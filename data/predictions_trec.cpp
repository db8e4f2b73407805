#include "tutti/data/predictions_trec.hpp"

#include "tutti/data/csv.hpp"
#include "tutti/data/error.hpp"
#include "tutti/data/number_text.hpp"

#include <algorithm>
#include <numeric>
#include <set>
#include <string_view>
#include <unordered_map>

namespace tutti {

namespace {

class Names {
 public:
  explicit Names(std::vector<std::string>& names) : names_(names) {}
  std::int32_t of(const std::string& name) {
    const auto [found, fresh] = ids_.emplace(name, static_cast<std::int32_t>(names_.size()));
    if (fresh) names_.push_back(name);
    return found->second;
  }

 private:
  std::vector<std::string>& names_;
  std::unordered_map<std::string, std::int32_t> ids_;
};

// Lines of fields apart by spaces or tabs.
class FieldFile {
 public:
  FieldFile(const Path& file, std::size_t fields, std::string shape)
      : file_(file), bytes_(read_file(file)), expected_(fields), shape_(std::move(shape)) {}

  bool next(std::vector<std::string>& fields) {
    while (at_ < bytes_.size()) {
      const std::size_t end = std::min(bytes_.find('\n', at_), bytes_.size());
      const std::string_view line(bytes_.data() + at_, end - at_);
      at_ = end + 1;
      ++line_;
      fields.clear();
      for (std::size_t i = 0; i < line.size();) {
        const std::size_t begin = line.find_first_not_of(" \t\r", i);
        if (begin == std::string_view::npos) break;
        i = std::min(line.find_first_of(" \t\r", begin), line.size());
        fields.emplace_back(line.substr(begin, i - begin));
      }
      if (fields.empty()) continue;
      if (fields.size() != expected_) {
        throw Error(Code::Data, where() + ": " + std::to_string(fields.size()) + " fields, " +
                                    std::to_string(expected_) + " expected: " + shape_);
      }
      return true;
    }
    return false;
  }

  [[nodiscard]] std::string where() const { return file_.string() + ":" + std::to_string(line_); }

 private:
  Path file_;
  std::string bytes_;
  std::size_t at_ = 0;
  std::size_t expected_;
  std::string shape_;
  std::int64_t line_ = 0;
};

std::uint64_t key(std::int32_t query, std::int32_t document) {
  return static_cast<std::uint64_t>(query) << 32U | static_cast<std::uint32_t>(document);
}

struct Entry {
  std::size_t row;
  double score;
};

struct Judgement {
  std::int32_t query;
  std::int32_t document;
  double relevance;
};

std::vector<Judgement> read_qrels(const Path& file, Names& queries, Names& documents) {
  FieldFile lines(file, 4, "query 0 document relevance");
  std::vector<Judgement> out;
  std::set<std::uint64_t> seen;
  std::vector<std::string> fields;
  while (lines.next(fields)) {
    const std::int32_t query = queries.of(fields[0]);
    const std::int32_t document = documents.of(fields[2]);
    if (!seen.insert(key(query, document)).second) {
      throw Error(Code::Data,
                  lines.where() + ": document '" + fields[2] + "' of query '" + fields[0] +
                      "' is judged twice",
                  "keep one of the lines");
    }
    out.push_back({query, document, parse_number(fields[3], "relevance", lines.where())});
  }
  if (out.empty()) throw Error(Code::Data, "no judgements in " + file.string());
  return out;
}

}  // namespace

TrecTable read_trec(const std::vector<Path>& runs, const Path& qrels) {
  TUTTI_ASSERT(!runs.empty(), "a run");
  TrecTable all;
  Names queries(all.queries);
  Names documents(all.documents);
  std::vector<Judgement> judged;
  std::set<std::int32_t> judged_queries;
  if (!qrels.empty()) {
    judged = read_qrels(qrels, queries, documents);
    for (const Judgement& j : judged) judged_queries.insert(j.query);
  }
  std::unordered_map<std::uint64_t, std::size_t> row_of;
  const auto row = [&](std::int32_t query, std::int32_t document) {
    const auto [found, fresh] = row_of.emplace(key(query, document), all.query.size());
    if (fresh) {
      all.query.push_back(query);
      all.document.push_back(document);
    }
    return found->second;
  };
  std::vector<std::vector<Entry>> entries;
  for (const Path& file : runs) {
    const std::string name = file.stem().string();
    if (std::find(all.members.begin(), all.members.end(), name) != all.members.end()) {
      throw Error(Code::Data, file.string() + ": two runs are named '" + name + "'",
                  "rename one of the files");
    }
    all.members.push_back(name);
    entries.emplace_back();
    std::vector<bool> seen;
    FieldFile lines(file, 6, "query Q0 document rank score tag");
    std::vector<std::string> fields;
    while (lines.next(fields)) {
      const std::int32_t query = queries.of(fields[0]);
      if (!qrels.empty() && judged_queries.count(query) == 0) continue;
      const std::size_t at = row(query, documents.of(fields[2]));
      if (at >= seen.size()) seen.resize(at + 1, false);
      if (seen[at]) {
        throw Error(Code::Data,
                    lines.where() + ": document '" + fields[2] + "' of query '" + fields[0] +
                        "' comes twice",
                    "keep one of the lines");
      }
      seen[at] = true;
      entries.back().push_back({at, parse_number(fields[4], "score", lines.where())});
    }
    if (entries.back().empty()) {
      throw Error(Code::Data, "no rows to use in " + file.string(),
                  qrels.empty() ? "the run is empty" : "are its queries those of the judgements?");
    }
  }
  all.retrieved.assign(all.rows(), 1);
  for (const Judgement& j : judged) {
    if (j.relevance > 0) row(j.query, j.document);
  }
  all.retrieved.resize(all.rows(), 0);
  if (!qrels.empty()) {
    all.label.assign(all.rows(), 0.0);
    for (const Judgement& j : judged) {
      const auto found = row_of.find(key(j.query, j.document));
      if (found != row_of.end()) all.label[found->second] = j.relevance;
    }
  }
  all.score.assign(runs.size() * all.rows(), 0.0);
  all.present.assign(all.score.size(), 0);
  for (std::size_t m = 0; m < runs.size(); ++m) {
    for (const Entry& entry : entries[m]) {
      all.score[m * all.rows() + entry.row] = entry.score;
      all.present[m * all.rows() + entry.row] = 1;
    }
  }
  return all;
}

std::string trec_text(const TrecTable& table, const std::vector<double>& score,
                      const std::string& tag) {
  std::vector<std::size_t> order(table.rows());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::erase_if(order, [&](std::size_t i) { return table.retrieved[i] == 0; });
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return table.query[a] != table.query[b] ? table.query[a] < table.query[b] : score[a] > score[b];
  });
  std::string out;
  std::int64_t rank = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::size_t r = order[i];
    rank = i > 0 && table.query[order[i - 1]] == table.query[r] ? rank + 1 : 1;
    out += table.queries[static_cast<std::size_t>(table.query[r])] + " Q0 " +
           table.documents[static_cast<std::size_t>(table.document[r])] + " " +
           std::to_string(rank) + " " + shortest_text(score[r]) + " " + tag + "\n";
  }
  return out;
}

}  // namespace tutti
