#include "tutti/data/views/text.hpp"

#include "tutti/data/augmentation.hpp"
#include "tutti/data/error.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace tutti {

namespace {

const std::vector<std::string>& column_of(const Table& table, const std::vector<std::string>& ids,
                                          const std::string& name, const char* key) {
  if (const auto* column = table.find(name)) return *column;
  if (name == "id") return ids;
  const std::string near = nearest_name(name, table.names);
  std::string known = "id";
  for (const std::string& column : table.names) known += ", " + column;
  throw Error(Code::Config, std::string(key) + ": no column '" + name + "' in the data",
              near.empty() ? "known: " + known : "did you mean '" + near + "'?");
}

std::string words_of(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

void append(std::string& text, const char* separator, std::string_view more) {
  if (!text.empty()) text += separator;
  text += more;
}

}  // namespace

TextMaker::TextMaker(const Store& store, const MemberData& options)
    : store_(store),
      options_(options),
      rating_task_(store.task() == "rating"),
      index_(store.index()) {
  const Interactions& rows = store.interactions();
  if (options.fields.empty()) {
    throw Error(Code::Config, "data.fields is empty", "name item columns, or \"id\"");
  }
  for (const std::string& name : options.fields) {
    fields_.push_back(&column_of(rows.items, rows.item_ids, name, "data.fields"));
  }
  const bool titled =
      std::find(options.fields.begin(), options.fields.end(), "title") != options.fields.end();
  title_ = titled ? rows.items.find("title") : fields_.front();

  user_text_.resize(rows.user_ids.size());
  for (const std::string& name : options.user_fields) {
    const auto& column = column_of(rows.users, rows.user_ids, name, "data.user_fields");
    for (std::size_t u = 0; u < column.size(); ++u) {
      if (!column[u].empty()) append(user_text_[u], ", ", words_of(name) + " " + column[u]);
    }
  }

  if (options.statistics) statistics_ = &index_.statistics();
}

Row TextMaker::history_row(Row row) const {
  if (options_.share_history <= 1) return row;
  return index_.first_of_piece(store_.interactions().user[static_cast<std::size_t>(row)], row,
                               static_cast<std::size_t>(options_.share_history));
}

Example TextMaker::training(Row row, Random* random) const {
  Example example = bare(row);
  const Row shown = history_row(row);
  const Past now{shown, store_.interactions().time[static_cast<std::size_t>(shown)], 0.0,
                 example.item};
  std::vector<Past> history = history_of(example.user, &now);
  std::vector<char> keep(fields_.size(), 1);
  if (random != nullptr) {
    crop_history(history, options_.crop_history, *random);
    shuffle_history(history, options_.shuffle_history, *random);
    keep = keep_fields(fields_.size(), options_.drop_field, *random);
  }
  Statistics::Known known;
  if (statistics_ != nullptr) {
    known = statistics_->before(row);
    known.user = statistics_->before(shown).user;
    example.statistics_end = known.end;
  }
  write_texts(example, history, keep, known);
  return example;
}

Example TextMaker::evaluation(Row row) const { return unseen(bare(row)); }

Example TextMaker::pair(std::int32_t user, std::int32_t item) const {
  Example example;
  example.user = user;
  example.item = item;
  return unseen(std::move(example));
}

Example TextMaker::unseen(Example example) const {
  std::vector<Past> history;
  if (example.user >= 0) history = history_of(example.user, nullptr);
  Statistics::Known known;
  if (statistics_ != nullptr) known = statistics_->all(example.user, example.item);
  if (statistics_ != nullptr) example.statistics_end = known.end;
  write_texts(example, history, std::vector<char>(fields_.size(), 1), known);
  return example;
}

Example TextMaker::bare(Row row) const {
  const Interactions& rows = store_.interactions();
  const auto at = static_cast<std::size_t>(row);
  Example example;
  example.row = row;
  example.user = rows.user[at];
  example.item = rows.item[at];
  example.label = store_.labels()[at];
  example.time = rows.time[at];
  return example;
}

std::vector<Past> TextMaker::history_of(std::int32_t user, const Past* before) const {
  std::vector<Past> history =
      index_.history(user, static_cast<std::size_t>(options_.history), before);
  std::reverse(history.begin(), history.end());
  return history;
}

const char* TextMaker::verb(double rating) const {
  static constexpr std::array kWords = {"hated ", "disliked ", "okay ", "liked ", "loved "};
  if (std::isnan(rating)) return "chose ";
  const double least = index_.rating_min();
  const double most = index_.rating_max();
  if (most <= least) return "liked ";
  const double share = (rating - least) / (most - least);
  return kWords[static_cast<std::size_t>(std::lround(4.0 * std::clamp(share, 0.0, 1.0)))];
}

void TextMaker::write_texts(Example& example, const std::vector<Past>& history,
                            const std::vector<char>& keep, const Statistics::Known& known) const {
  const auto item = static_cast<std::size_t>(example.item);
  if (example.user >= 0) example.text = user_text_[static_cast<std::size_t>(example.user)];
  for (std::size_t f = 0; f < fields_.size(); ++f) {
    const std::string& value = (*fields_[f])[item];
    if (keep[f] == 0 || value.empty()) continue;
    append(example.text_pair, " ", options_.fields[f] == "year" ? "(" + value + ")" : value);
  }
  if (statistics_ != nullptr) {
    append(example.text, ". ", user_phrase(known.user, rating_task_));
    append(example.text_pair, ", ", item_phrase(known.item, rating_task_));
  }
  const char* separator = ". ";
  for (const Past& past : history) {
    example.sources.push_back(past.row);
    append(example.text, separator, verb(past.rating));
    example.text += (*title_)[static_cast<std::size_t>(past.item)];
    separator = "; ";
  }
}

}  // namespace tutti
