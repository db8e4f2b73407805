// Pairs a second that a tokenizer encodes on one thread, on MovieLens-100K: a user's last ten
// titles beside the next item, cut to 256 tokens. Peer: tokenizer_peer.py.
//
//   bench_tokenizer [MODEL FOLDER]
#include "tutti/data/tokenizer.hpp"

#include "tutti/data/cache.hpp"
#include "tutti/data/error.hpp"

#include <chrono>
#include <cstdio>
#include <deque>
#include <iostream>
#include <sstream>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

constexpr std::int32_t kMaxLength = 256;
constexpr std::size_t kPairs = 20000;
constexpr std::size_t kHistory = 10;

std::vector<std::vector<std::string>> read_rows(const tutti::Path& file) {
  std::istringstream lines(tutti::read_file(file));
  std::string line;
  std::getline(lines, line);  // column names
  std::vector<std::vector<std::string>> rows;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::vector<std::string> row;
    for (std::string field; std::getline(fields, field, '\t');) row.push_back(field);
    row.resize(4);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<std::pair<std::string, std::string>> compose(const tutti::Path& data) {
  std::unordered_map<std::string, std::string> items;
  for (const auto& row : read_rows(data / "ml-100k.item")) {
    items[row[0]] = row[1] + " (" + row[2] + "), " + row[3];
  }
  std::unordered_map<std::string, std::deque<std::string>> history;
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& row : read_rows(data / "ml-100k.inter")) {
    auto& seen = history[row[0]];
    const std::string& item = items[row[1]];
    std::string text = "watched:";
    for (const std::string& title : seen) text += " " + title + ";";
    out.emplace_back(std::move(text), item);
    if (out.size() == kPairs) break;
    seen.push_back(item);
    if (seen.size() > kHistory) seen.pop_front();
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  const tutti::Path cache = tutti::cache_folder();
  const tutti::Path model = argc > 1 ? tutti::Path(argv[1]) : cache / "models/all-MiniLM-L6-v2";
  try {
    const auto tokenizer = tutti::load_tokenizer(model);
    const auto pairs = compose(cache / "data/ml-100k");
    std::int64_t check = 0;
    const auto begin = std::chrono::steady_clock::now();
    for (const auto& [text, pair] : pairs) {
      for (const tutti::TokenId id : tokenizer->encode_pair(text, pair, kMaxLength).ids) {
        check += id + 1;
      }
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::printf("check=%lld\n", static_cast<long long>(check));
    std::printf("rate=%.1f pairs/s\n", static_cast<double>(pairs.size()) / took.count());
  } catch (const tutti::Error& error) {
    std::cerr << error.what() << '\n';
    return static_cast<int>(error.code());
  }
}
