#include "tutti/data/store.hpp"

#include "tutti/data/cleaning.hpp"
#include "tutti/data/error.hpp"
#include "tutti/data/reader.hpp"
#include "tutti/data/split.hpp"
#include "tutti/data/store_file.hpp"
#include "tutti/data/views/store_index.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <mutex>
#include <utility>

namespace tutti {

struct Store::Impl {
  StoreContent content;
  std::string fingerprint;
  std::array<RowSet, 4> rows;
  std::once_flag indexed;
  std::unique_ptr<StoreIndex> index;
};

namespace {

// What the fingerprint cannot promise for a file that somebody made on purpose.
void check_shape(const StoreContent& content, const Path& file) {
  const Interactions& rows = content.interactions;
  const std::size_t size = rows.user.size();
  bool good = rows.item.size() == size && rows.rating.size() == size && rows.time.size() == size &&
              rows.line.size() == size && content.labels.size() == size &&
              content.parts.size() == size;
  const auto within = [](const Column<std::int32_t>& values, std::size_t limit) {
    return std::all_of(values.begin(), values.end(), [&](std::int32_t value) {
      return value >= 0 && static_cast<std::size_t>(value) < limit;
    });
  };
  good = good && within(rows.user, rows.user_ids.size()) && within(rows.item, rows.item_ids.size());
  for (const auto& column : rows.users.columns) good &= column.size() == rows.user_ids.size();
  for (const auto& column : rows.items.columns) good &= column.size() == rows.item_ids.size();
  good &= std::all_of(content.parts.begin(), content.parts.end(),
                      [](Part part) { return part <= Part::Unused; });
  std::int64_t latest = std::numeric_limits<std::int64_t>::min();
  for (const std::int64_t time : rows.time) {
    good &= time >= latest;
    latest = time;
  }
  if (!good) throw Error(Code::Data, "columns do not fit each other in " + file.string());
}

Column<double> labels_of(const Interactions& rows, const DataOptions& options) {
  Column<double> labels;
  for (const double rating : rows.rating) {
    if (options.task == "rating") {
      if (std::isnan(rating)) {
        throw Error(Code::Data, "task rating needs ratings, the source has none",
                    "set data.csv.rating, or data.task to \"click\" or \"rank\"");
      }
      labels.push_back(rating);
    } else {
      labels.push_back(std::isnan(rating) || rating >= options.positive ? 1.0 : 0.0);
    }
  }
  return labels;
}

std::string source_json(const DataOptions& options, const Source& source) {
  nlohmann::ordered_json json = {{"reader", options.source},
                                 {"file", source.file.filename().string()},
                                 {"sha256", sha256_of_file(source.file)}};
  if (options.task != "rating") json["positive"] = options.positive;
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string split_json(const SplitOptions& split, std::uint64_t seed) {
  return nlohmann::ordered_json{{"by", split.by},
                                {"validation", split.validation},
                                {"test", split.test},
                                {"max_validation", split.max_validation},
                                {"max_test", split.max_test},
                                {"seed", seed}}
      .dump();
}

}  // namespace

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

Store Store::open(const Path& file) {
  auto impl = std::make_unique<Impl>();
  const std::string claimed = read_store(file, impl->content);
  impl->fingerprint = fingerprint_of(impl->content);
  if (claimed != impl->fingerprint) {
    throw Error(Code::Data,
                file.string() + ": fingerprint " + claimed.substr(0, 12) + "... claimed, " +
                    impl->fingerprint.substr(0, 12) + "... found",
                "the file was changed: make it again");
  }
  check_shape(impl->content, file);
  for (const Part part : impl->content.parts) {
    for (std::size_t p = 0; p < impl->rows.size(); ++p) {
      impl->rows[p].append(p == static_cast<std::size_t>(part));
    }
  }
  return Store(std::move(impl));
}

const std::string& Store::fingerprint() const noexcept { return impl_->fingerprint; }
const std::string& Store::task() const noexcept { return impl_->content.task; }
const Interactions& Store::interactions() const noexcept { return impl_->content.interactions; }
const Column<double>& Store::labels() const noexcept { return impl_->content.labels; }
const Column<Part>& Store::parts() const noexcept { return impl_->content.parts; }
const RowSet& Store::rows(Part part) const noexcept {
  return impl_->rows[static_cast<std::size_t>(part)];
}
const StoreIndex& Store::index() const {
  std::call_once(impl_->indexed, [&] { impl_->index = std::make_unique<StoreIndex>(*this); });
  return *impl_->index;
}

void write_training_store(const Store& store, const Path& file) {
  StoreContent content = store.impl_->content;
  const RowSet& rows = store.index().training_rows();
  const auto keep = [&]<class T>(Column<T>& column) {
    Column<T> out;
    Row row = 0;
    for (const T value : column) {
      if (rows.has(row++)) out.push_back(value);
    }
    column = std::move(out);
  };
  Interactions& kept = content.interactions;
  keep(kept.user);
  keep(kept.item);
  keep(kept.rating);
  keep(kept.time);
  keep(kept.line);
  keep(content.labels);
  keep(content.parts);
  write_store(file, content, fingerprint_of(content));
}

CleaningReport build_store(const DataOptions& options, std::uint64_t seed, const Path& file) {
  if (options.task != "click" && options.task != "rating" && options.task != "rank") {
    throw Error(Code::Config, "data.task is '" + options.task + "'", "known: click, rating, rank");
  }
  Source source = ReaderRegistry::make(options.source, options)->read();
  CleaningReport report = clean(source, options.cleaning);
  StoreContent content;
  content.task = options.task;
  content.cleaning = to_json(report);
  content.source = source_json(options, source);
  content.split = split_json(options.split, seed);
  content.interactions = std::move(source.interactions);
  content.labels = labels_of(content.interactions, options);
  content.parts = split_rows(content.interactions, options.split, seed);
  write_store(file, content, fingerprint_of(content));
  return report;
}

}  // namespace tutti
