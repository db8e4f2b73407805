#include "tutti/data/csv.hpp"
#include "tutti/data/error.hpp"
#include "tutti/data/readers/source_builder.hpp"

#include <algorithm>

namespace tutti {
namespace {

/// ratings.csv and movies.csv of the MovieLens data sets from 2015 on (latest, 20M, 25M, 32M).
class MovieLensCsv : public Reader {
 public:
  explicit MovieLensCsv(const DataOptions& options) : options_(options) {
    if (options.path.empty()) {
      throw Error(Code::Config, "data.path is empty",
                  "set it to the folder that holds ratings.csv and movies.csv");
    }
  }

  [[nodiscard]] Source read() const override {
    const Path folder = options_.path;
    SourceBuilder builder(options_.cleaning);
    read_movies(folder / "movies.csv", builder);
    CsvFile file(folder / "ratings.csv");
    std::vector<std::string> fields;
    file.next(fields);
    check_header(fields, file.where());
    const std::size_t columns = fields.size();
    const std::size_t user = find_column(fields, "userId", file.file());
    const std::size_t item = find_column(fields, "movieId", file.file());
    const std::size_t rating = find_column(fields, "rating", file.file());
    const std::size_t time = find_column(fields, "timestamp", file.file());
    while (builder.next_interaction(file, columns, fields)) {
      builder.add(fields[user], fields[item], &fields[rating], &fields[time], file);
    }
    return builder.finish(file.file());
  }

 private:
  static void read_movies(const Path& path, SourceBuilder& builder) {
    builder.item_columns({"title", "year", "genres"});
    CsvFile file(path);
    std::vector<std::string> fields;
    file.next(fields);
    check_header(fields, file.where());
    const std::size_t columns = fields.size();
    const std::size_t item = find_column(fields, "movieId", path);
    const std::size_t title = find_column(fields, "title", path);
    const std::size_t genres = find_column(fields, "genres", path);
    while (builder.next(file, columns, fields, "items")) {
      std::string words = fields[genres] == "(no genres listed)" ? "" : fields[genres];
      std::replace(words.begin(), words.end(), '|', ' ');
      const auto [name, year] = split_year(fields[title]);
      builder.describe_item(fields[item], {name, year, words}, file);
    }
  }

  DataOptions options_;
};

const bool registered = ReaderRegistry::add(
    "movielens-csv", "MovieLens from 2015 on: ratings.csv and movies.csv",
    [](const DataOptions& options) { return std::make_unique<MovieLensCsv>(options); });

}  // namespace
}  // namespace tutti
