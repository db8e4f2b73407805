#include "tutti/data/views/text.hpp"

#include "tutti/data/augmentation.hpp"
#include "tutti/data/error.hpp"
#include "tutti/data/views/training_rows.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
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
      rating_min_(std::numeric_limits<double>::infinity()),
      rating_max_(-std::numeric_limits<double>::infinity()) {
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

  user_begin_.assign(rows.user_ids.size() + 1, 0);
  const std::vector<Row> train = training_rows(store);
  for (const Row r : train) {
    const auto row = static_cast<std::size_t>(r);
    ++user_begin_[static_cast<std::size_t>(rows.user[row]) + 1];
    rating_min_ = std::fmin(rating_min_, rows.rating[row]);  // fmin, fmax: NaN does not count
    rating_max_ = std::fmax(rating_max_, rows.rating[row]);
  }
  for (std::size_t u = 1; u < user_begin_.size(); ++u) user_begin_[u] += user_begin_[u - 1];
  std::vector<std::size_t> next(user_begin_.begin(), user_begin_.end() - 1);
  user_rows_.resize(train.size());
  for (const Row r : train) {
    user_rows_[next[static_cast<std::size_t>(rows.user[static_cast<std::size_t>(r)])]++] = r;
  }
  if (options.statistics) statistics_.emplace(store, train);
}

Row TextMaker::history_row(Row row) const {
  if (options_.share_history <= 1) return row;
  const auto u =
      static_cast<std::size_t>(store_.interactions().user[static_cast<std::size_t>(row)]);
  const auto begin = user_rows_.begin() + static_cast<std::ptrdiff_t>(user_begin_[u]);
  const auto end = user_rows_.begin() + static_cast<std::ptrdiff_t>(user_begin_[u + 1]);
  const auto place = std::lower_bound(begin, end, row) - begin;
  const std::ptrdiff_t most = options_.share_history;
  std::ptrdiff_t first = 1;  // a power of two
  while (2 * first <= std::min(place, most)) first *= 2;
  if (place >= most) first = place - place % most;
  return begin[place == 0 ? 0 : first];
}

Example TextMaker::training(Row row, Random* random) const {
  Example example = bare(row);
  const Row shown = history_row(row);
  const auto& times = store_.interactions().time;
  // Rows of one second do not see each other: their order may follow their ratings.
  const Row before =
      store_.interactions().has_times()
          ? std::lower_bound(times.begin(), times.end(), times[static_cast<std::size_t>(shown)]) -
                times.begin()
          : shown;
  example.sources = history_of(example.user, before);
  std::vector<char> keep(fields_.size(), 1);
  if (random != nullptr) {
    crop_history(example.sources, options_.crop_history, *random);
    shuffle_history(example.sources, options_.shuffle_history, *random);
    keep = keep_fields(fields_.size(), options_.drop_field, *random);
  }
  Statistics::Known known;
  if (statistics_) {
    known = statistics_->before(row);
    known.user = statistics_->before(shown).user;
    example.statistics_end = known.end;
  }
  write_texts(example, keep, known);
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
  if (example.user >= 0) {
    example.sources = history_of(example.user, store_.interactions().size());
  }
  Statistics::Known known;
  if (statistics_) known = statistics_->all(example.user, example.item);
  if (statistics_) example.statistics_end = known.end;
  write_texts(example, std::vector<char>(fields_.size(), 1), known);
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

std::vector<Row> TextMaker::history_of(std::int32_t user, Row before) const {
  const auto u = static_cast<std::size_t>(user);
  const auto begin = user_rows_.begin() + static_cast<std::ptrdiff_t>(user_begin_[u]);
  const auto end = std::lower_bound(
      begin, user_rows_.begin() + static_cast<std::ptrdiff_t>(user_begin_[u + 1]), before);
  const auto most = std::min<std::ptrdiff_t>(options_.history, end - begin);
  std::vector<Row> history(end - most, end);
  std::reverse(history.begin(), history.end());
  return history;
}

const char* TextMaker::verb(Row row) const {
  static constexpr std::array kWords = {"hated ", "disliked ", "okay ", "liked ", "loved "};
  const double rating = store_.interactions().rating[static_cast<std::size_t>(row)];
  if (std::isnan(rating)) return "chose ";
  if (rating_max_ <= rating_min_) return "liked ";
  const double share = (rating - rating_min_) / (rating_max_ - rating_min_);
  return kWords[static_cast<std::size_t>(std::lround(4.0 * std::clamp(share, 0.0, 1.0)))];
}

void TextMaker::write_texts(Example& example, const std::vector<char>& keep,
                            const Statistics::Known& known) const {
  const Interactions& rows = store_.interactions();
  const auto item = static_cast<std::size_t>(example.item);
  if (example.user >= 0) example.text = user_text_[static_cast<std::size_t>(example.user)];
  for (std::size_t f = 0; f < fields_.size(); ++f) {
    const std::string& value = (*fields_[f])[item];
    if (keep[f] == 0 || value.empty()) continue;
    append(example.text_pair, " ", options_.fields[f] == "year" ? "(" + value + ")" : value);
  }
  if (statistics_) {
    append(example.text, ". ", user_phrase(known.user, rating_task_));
    append(example.text_pair, ", ", item_phrase(known.item, rating_task_));
  }
  const char* separator = ". ";
  for (const Row source : example.sources) {
    const auto seen = static_cast<std::size_t>(rows.item[static_cast<std::size_t>(source)]);
    append(example.text, separator, verb(source));
    example.text += (*title_)[seen];
    separator = "; ";
  }
}

}  // namespace tutti
