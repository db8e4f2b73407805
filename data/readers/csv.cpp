#include "tutti/data/csv.hpp"

#include "tutti/data/error.hpp"
#include "tutti/data/readers/source_builder.hpp"

#include <filesystem>

namespace tutti {
namespace {

/// Any delimited files with a header: interactions, and items and users where there are any.
class Csv : public Reader {
 public:
  explicit Csv(const DataOptions& options) : options_(options) {
    if (options.csv.separator.size() != 1) {
      throw Error(Code::Config, "data.csv.separator is '" + options.csv.separator + "'",
                  "one character is expected");
    }
    if (options.csv.interactions.empty() && options.path.empty()) {
      throw Error(Code::Config, "data.csv.interactions is empty", "name the file to read");
    }
    format_.separator = options.csv.separator[0];
  }

  [[nodiscard]] Source read() const override {
    const CsvOptions& csv = options_.csv;
    SourceBuilder builder(options_.cleaning);
    read_table(csv.items, csv.item, true, builder);
    read_table(csv.users, csv.user, false, builder);

    CsvFile file(resolve(csv.interactions), format_);
    std::vector<std::string> fields;
    file.next(fields);
    check_header(fields, file.where());
    const std::size_t columns = fields.size();
    const auto column = [&](const std::string& name) {
      return name.empty() ? columns : find_column(fields, name, file.file());
    };
    const std::size_t user = find_column(fields, csv.user, file.file());
    const std::size_t item = find_column(fields, csv.item, file.file());
    const std::size_t rating = column(csv.rating);
    const std::size_t time = column(csv.time);
    while (builder.next_interaction(file, columns, fields)) {
      builder.add(fields[user], fields[item], rating < columns ? &fields[rating] : nullptr,
                  time < columns ? &fields[time] : nullptr, file);
    }
    return builder.finish(file.file());
  }

 private:
  // data.path is the folder of the files; without file names it may be the interactions themselves.
  [[nodiscard]] Path resolve(const std::string& name) const {
    if (name.empty()) return options_.path;
    return options_.path.empty() ? Path(name) : Path(options_.path) / name;
  }

  void read_table(const std::string& name, const std::string& id_name, bool items,
                  SourceBuilder& builder) const {
    if (name.empty()) return;
    CsvFile file(resolve(name), format_);
    std::vector<std::string> fields;
    file.next(fields);
    check_header(fields, file.where());
    const std::size_t columns = fields.size();
    const std::size_t id = find_column(fields, id_name, file.file());
    fields.erase(fields.begin() + static_cast<std::ptrdiff_t>(id));
    if (items) builder.item_columns(fields);
    if (!items) builder.user_columns(fields);
    while (builder.next(file, columns, fields, items ? "items" : "users")) {
      const std::string entity = fields[id];
      fields.erase(fields.begin() + static_cast<std::ptrdiff_t>(id));
      if (items) builder.describe_item(entity, fields, file);
      if (!items) builder.describe_user(entity, fields, file);
    }
  }

  DataOptions options_;
  CsvFormat format_;
};

const bool registered =
    ReaderRegistry::add("csv", "CSV or TSV files with headers, columns named in data.csv",
                        [](const DataOptions& options) { return std::make_unique<Csv>(options); });

}  // namespace
}  // namespace tutti
