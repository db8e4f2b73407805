#include "tutti/data/error.hpp"
#include "tutti/data/random.hpp"
#include "tutti/data/store.hpp"
#include "tutti/data/views/store_index.hpp"
#include "tutti/data/views/text.hpp"
#include "tutti/data/views/view.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tutti {

namespace {

class TrainingView : public View {
 public:
  TrainingView(const Store& store, const MemberData& options, std::uint64_t seed,
               const std::string& member)
      : maker_(store, options),
        rows_(store.index().training_rows()),
        augment_(options.crop_history > 0 || options.shuffle_history > 0 || options.drop_field > 0),
        key_(Random(seed, "augment " + member).key()) {}

  [[nodiscard]] Row size() const noexcept override { return static_cast<Row>(rows_.size()); }
  [[nodiscard]] Row row(Row index) const override { return rows_[static_cast<std::size_t>(index)]; }
  [[nodiscard]] Example get(Row index) const override {
    if (!augment_) return maker_.training(row(index), nullptr);
    // Rows that share a history share its augmentation, or they would not share its text.
    const Row shown = maker_.history_row(row(index));
    Random random(key_, "augment", {static_cast<std::uint64_t>(shown)});
    return maker_.training(row(index), &random);
  }

 private:
  TextMaker maker_;
  const RowSet& rows_;
  bool augment_;
  std::uint64_t key_;
};

class EvaluationView : public Dataset {
 public:
  EvaluationView(const Store& store, Part part, const MemberData& options)
      : maker_(store, options), rows_(store.rows(part)) {}

  [[nodiscard]] Row size() const noexcept override { return static_cast<Row>(rows_.size()); }
  [[nodiscard]] Example get(Row index) const override {
    return maker_.evaluation(rows_[static_cast<std::size_t>(index)]);
  }

 private:
  TextMaker maker_;
  const RowSet& rows_;
};

class PairView : public Dataset {
 public:
  PairView(const Store& store, std::vector<UserItem> pairs, const MemberData& options)
      : maker_(store, options), pairs_(std::move(pairs)) {}

  [[nodiscard]] Row size() const noexcept override { return static_cast<Row>(pairs_.size()); }
  [[nodiscard]] Example get(Row index) const override {
    const UserItem& pair = pairs_[static_cast<std::size_t>(index)];
    return maker_.pair(pair.user, pair.item);
  }

 private:
  TextMaker maker_;
  std::vector<UserItem> pairs_;
};

void check_probability(double value, const char* key) {
  if (!(value >= 0 && value <= 1)) {
    throw Error(Code::Config, std::string(key) + " is " + std::to_string(value),
                "a probability is expected");
  }
}

void check(const MemberData& options) {
  check_probability(options.crop_history, "data.crop_history");
  check_probability(options.shuffle_history, "data.shuffle_history");
  check_probability(options.drop_field, "data.drop_field");
  if (options.share_history < 0) {
    throw Error(Code::Config, "data.share_history is " + std::to_string(options.share_history),
                "it is at least 0");
  }
  if (options.history < 0) {
    throw Error(Code::Config, "data.history is " + std::to_string(options.history),
                "it is at least 0");
  }
}

}  // namespace

std::unique_ptr<Dataset> training_view(const Store& store, const MemberData& options,
                                       std::uint64_t seed, const std::string& member) {
  check(options);
  ViewPtr view = std::make_unique<TrainingView>(store, options, seed, member);
  if (!options.segment.empty()) view = segment_view(std::move(view), store, options.segment);
  if (options.from_time != 0 || options.to_time != 0) {
    view = time_window_view(std::move(view), store, options.from_time, options.to_time);
  }
  if (options.last != 1.0) view = last_view(std::move(view), options.last);
  if (options.fold != -1) view = fold_view(std::move(view), options.fold, options.of, seed);
  if (options.fraction != 1.0 || options.max_examples != 0) {
    view = fraction_view(std::move(view), options.fraction, options.max_examples, seed, member);
  }
  if (options.bootstrap) view = bootstrap_view(std::move(view), seed, member);
  if (view->size() == 0) {
    throw Error(Code::Config, "member '" + member + "': its data options leave no training row",
                "check its segment, from_time, to_time, last and fraction");
  }
  return view;
}

std::unique_ptr<Dataset> evaluation_view(const Store& store, Part part, const MemberData& options) {
  check(options);
  TUTTI_ASSERT(part == Part::Validation || part == Part::Test, "training rows have their own view");
  return std::make_unique<EvaluationView>(store, part, options);
}

std::unique_ptr<Dataset> pair_view(const Store& store, std::vector<UserItem> pairs,
                                   const MemberData& options) {
  check(options);
  return std::make_unique<PairView>(store, std::move(pairs), options);
}

}  // namespace tutti
