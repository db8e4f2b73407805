#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tutti {

/// Which columns of a plain CSV/TSV source mean what (source = "csv").
struct CsvOptions {
  std::string interactions;      ///< file
  std::string items;             ///< file, or empty
  std::string users;             ///< file, or empty
  std::string user = "user_id";  ///< column names
  std::string item = "item_id";
  std::string rating = "rating";   ///< empty: every interaction counts as positive
  std::string time = "timestamp";  ///< empty: no time
  std::string separator = ",";     ///< one character; "\t" for TSV
};

struct CleaningOptions {
  double rating_min = 1.0;  ///< a rating outside the range is bad data
  double rating_max = 5.0;
  std::string out_of_range = "error";  ///< error | drop | clip
  std::string bad_utf8 = "error";      ///< error | drop | repair (U+FFFD)
  bool drop_duplicates =
      true;  ///< the same user, item and time, or user and item again: the last one stays
  int min_user_interactions = 1;  ///< users with fewer are dropped
  int min_item_interactions = 1;
  int max_user_per_day =
      0;  ///< robots: users with more than this in one day are dropped; 0: keep all
};

struct SplitOptions {
  std::string by = "time";  ///< time (global) | user-time | random | leave-last-out
  double validation = 0.1;  ///< fraction of interactions
  double test = 0.1;
  std::int64_t max_validation =
      0;  ///< at most so many rows are scored, whole users drawn by the seed; 0: all
  std::int64_t max_test = 0;
};

/// From a source to a store.
struct DataOptions {
  std::string source =
      "movielens-100k";  ///< reader name: movielens-100k | movielens-csv | atomic | csv
  std::string path;  ///< file or folder of the source; empty: the cache that scripts/setup fills
  std::string task = "click";  ///< click | rating | rank
  double positive = 4.0;       ///< click and rank: a rating of at least this is a positive
  CsvOptions csv;
  CleaningOptions cleaning;
  SplitOptions split;
};

/// What one member sees of the store: its own training rows and its own way to put them as text.
/// Validation and test rows are the same for every member.
struct MemberData {
  int fold = -1;  ///< 0 .. of-1: this fold is held out of the member's training rows; -1: no folds
  int of = 5;
  double fraction = 1.0;          ///< of the training rows, drawn by the seed
  std::int64_t max_examples = 0;  ///< after fraction; 0: all
  bool bootstrap = false;         ///< rows drawn with replacement
  std::int64_t from_time =
      0;  ///< only rows in [from_time, to_time), seconds since 1970; 0: open end
  std::int64_t to_time = 0;
  double last = 1.0;    ///< only the latest part of the training rows in time
  std::string segment;  ///< only users with COLUMN=VALUE, e.g. "gender=F"; empty: all
  int history = 10;     ///< how many earlier interactions of the user are put in the text
  std::vector<std::string> fields = {"title", "year", "genres"};  ///< item columns in the text
  std::vector<std::string> user_fields = {};                      ///< user columns in the text
  bool statistics =
      false;  ///< add the item's and the user's mean and count from earlier training rows, in words
  int share_history =
      0;  ///< at most so many rows of a user share one history, as it was before the first of
          ///< them (TextMaker::history_row); 0, 1: each row has its own
  double crop_history =
      0.0;  ///< augmentation: probability to keep only a random tail of the history
  double shuffle_history = 0.0;  ///< augmentation: probability to shuffle it
  double drop_field = 0.0;       ///< augmentation: probability to drop each item field
};

}  // namespace tutti
