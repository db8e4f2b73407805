#include "tutti/data/cache.hpp"
#include "tutti/data/csv.hpp"
#include "tutti/data/error.hpp"
#include "tutti/data/readers/source_builder.hpp"

#include <array>
#include <filesystem>

namespace tutti {
namespace {

constexpr std::array kGenres = {"unknown",   "Action",   "Adventure",   "Animation", "Children's",
                                "Comedy",    "Crime",    "Documentary", "Drama",     "Fantasy",
                                "Film-Noir", "Horror",   "Musical",     "Mystery",   "Romance",
                                "Sci-Fi",    "Thriller", "War",         "Western"};
constexpr std::size_t kBeforeGenres = 5;  // id, title, release date, video date, address

/// u.data, u.item and u.user of MovieLens 100K as GroupLens gives them out; or the same data as
/// RecBole atomic files (ml-100k.inter, .item, .user), which is what the cache holds.
class MovieLens100k : public Reader {
 public:
  explicit MovieLens100k(const DataOptions& options)
      : options_(options),
        folder_(options.path.empty() ? cache_folder() / "data" / "ml-100k" : Path(options.path)) {}

  [[nodiscard]] Source read() const override {
    if (!std::filesystem::exists(folder_ / "u.data")) {
      if (std::filesystem::exists(folder_ / "ml-100k.inter")) {
        return read_atomic(folder_ / "ml-100k.inter", options_);
      }
      throw Error(Code::Io, "no MovieLens 100K in " + folder_.string() + ": u.data is missing",
                  options_.path.empty() ? "run scripts/setup, or set data.path"
                                        : "set data.path to the folder that holds u.data");
    }
    SourceBuilder builder(options_.cleaning);
    read_items(builder);
    read_users(builder);
    CsvFile file(folder_ / "u.data", {'\t', false, false});
    std::vector<std::string> fields;
    while (builder.next_interaction(file, 4, fields)) {
      builder.add(fields[0], fields[1], &fields[2], &fields[3], file);
    }
    return builder.finish(file.file());
  }

 private:
  void read_items(SourceBuilder& builder) const {
    builder.item_columns({"title", "year", "genres"});
    CsvFile file(folder_ / "u.item", {'|', false, true});
    std::vector<std::string> fields;
    while (builder.next(file, kBeforeGenres + kGenres.size(), fields, "items")) {
      std::string genres;
      for (std::size_t g = 0; g < kGenres.size(); ++g) {
        const std::string& flag = fields[kBeforeGenres + g];
        if (flag != "0" && flag != "1") {
          throw Error(Code::Data, file.where() + ": genre flag '" + flag + "'",
                      "0 or 1 is expected");
        }
        if (flag == "1") genres += (genres.empty() ? "" : " ") + std::string(kGenres[g]);
      }
      const auto [title, year] = split_year(fields[1]);
      builder.describe_item(fields[0], {title, year, genres}, file);
    }
  }

  void read_users(SourceBuilder& builder) const {
    builder.user_columns({"age", "gender", "occupation", "zip_code"});
    CsvFile file(folder_ / "u.user", {'|', false, true});
    std::vector<std::string> fields;
    while (builder.next(file, 5, fields, "users")) {
      builder.describe_user(fields[0], {fields.begin() + 1, fields.end()}, file);
    }
  }

  DataOptions options_;
  Path folder_;
};

const bool registered = ReaderRegistry::add(
    "movielens-100k", "MovieLens 100K: u.data, u.item, u.user, or its RecBole atomic files",
    [](const DataOptions& options) { return std::make_unique<MovieLens100k>(options); });

}  // namespace
}  // namespace tutti
