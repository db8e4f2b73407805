#include "tutti/data/store.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "fixture.hpp"

namespace tutti {
namespace {

using test::error_of;
using test::Folder;
using test::small_source;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// A member's view in which one example was tampered with.
class Tampered : public Dataset {
 public:
  Tampered(const Dataset& base, Row index, std::function<void(Example&)> change)
      : base_(base), index_(index), change_(std::move(change)) {}
  [[nodiscard]] Row size() const noexcept override { return base_.size(); }
  [[nodiscard]] Example get(Row index) const override {
    Example example = base_.get(index);
    if (index == index_) change_(example);
    return example;
  }

 private:
  const Dataset& base_;
  Row index_;
  std::function<void(Example&)> change_;
};

class LeakGuard : public ::testing::Test {
 protected:
  LeakGuard() {
    DataOptions options = small_source(folder_, 3, 20, 60);
    options.split.max_test = 4;  // leaves unused rows too
    options.split.validation = 0.1;
    options.split.test = 0.2;
    build_store(options, 1, folder_.path() / "dataset.h5");
    store_.emplace(Store::open(folder_.path() / "dataset.h5"));
    options_.statistics = true;
    view_ = training_view(*store_, options_, 1, "minilm");
  }

  // The test goes on with that source instead.
  void use(const DataOptions& options) {
    build_store(options, 1, folder_.path() / "other.h5");
    store_.emplace(Store::open(folder_.path() / "other.h5"));
    options_.fields = {"id"};
    view_ = training_view(*store_, options_, 1, "minilm");
  }

  // The example as the store has it: only which row it is, is wrong.
  [[nodiscard]] Example honest(Row row) const {
    const auto at = static_cast<std::size_t>(row);
    const Interactions& all = store_->interactions();
    Example example;
    example.row = row;
    example.user = all.user[at];
    example.item = all.item[at];
    example.time = all.time[at];
    example.label = store_->labels()[at];
    return example;
  }

  std::string refused(Row index, std::function<void(Example&)> change) {
    const Tampered dataset(*view_, index, std::move(change));
    std::string text = error_of(Code::Data, [&] { check_leaks(*store_, dataset, "minilm"); });
    EXPECT_THAT(text, AllOf(HasSubstr("leak: member 'minilm'"), HasSubstr("row ")));
    return text;
  }

  Folder folder_;
  std::optional<Store> store_;
  MemberData options_;
  std::unique_ptr<Dataset> view_;
};

TEST_F(LeakGuard, LetsHonestViewsPass) {
  check_leaks(*store_, *view_, "minilm");
  for (const Part part : {Part::Validation, Part::Test}) {
    check_evaluation_leaks(*store_, *evaluation_view(*store_, part, options_), part, "minilm");
  }
}

TEST_F(LeakGuard, RefusesRowsOfOtherParts) {
  for (const auto& [part, name] : {std::pair(Part::Validation, "it is a validation row"),
                                   std::pair(Part::Test, "it is a test row"),
                                   std::pair(Part::Unused, "it is a left-out row")}) {
    const Row row = store_->rows(part).front();
    EXPECT_THAT(refused(3, [&](Example& example) { example = honest(row); }),
                AllOf(HasSubstr(name), HasSubstr("row " + std::to_string(row))));
  }
}

TEST_F(LeakGuard, RefusesRowsThatDoNotExist) {
  EXPECT_THAT(refused(0, [](Example& example) { example.row = 60; }), HasSubstr("rows 0 .. 59"));
  EXPECT_THAT(refused(0, [](Example& example) { example.row = -1; }), HasSubstr("rows 0 .. 59"));
}

TEST_F(LeakGuard, RefusesAnExampleThatIsNotItsRow) {
  EXPECT_THAT(refused(5, [](Example& example) { example.item += 1; }), HasSubstr("user and item"));
  EXPECT_THAT(refused(5, [](Example& example) { example.label = 1 - example.label; }),
              HasSubstr("label or time"));
}

TEST_F(LeakGuard, RefusesTextFromHeldOutRows) {
  for (const Part part : {Part::Validation, Part::Test, Part::Unused}) {
    const Row row = store_->rows(part).front();
    EXPECT_THAT(refused(7, [&](Example& example) { example.sources.push_back(row); }),
                HasSubstr("its text was made from row " + std::to_string(row) + ", a "));
  }
}

TEST_F(LeakGuard, RefusesTextFromLaterEventsAndFromItself) {
  const Row row = view_->get(7).row;
  EXPECT_THAT(refused(7, [&](Example& example) { example.sources.push_back(row + 1); }),
              HasSubstr("a later event"));
  EXPECT_THAT(refused(7, [&](Example& example) { example.sources.push_back(row); }),
              HasSubstr("made from itself"));
  EXPECT_THAT(refused(7, [&](Example& example) { example.sources.push_back(1000); }),
              HasSubstr("which is none"));
}

TEST_F(LeakGuard, RefusesStatisticsOfTheFuture) {
  EXPECT_THAT(refused(7, [](Example& example) { example.statistics_end = example.row + 1; }),
              HasSubstr("its statistics count rows up to"));
}

TEST_F(LeakGuard, RefusesWhatIsOfTheSameSecond) {
  use(test::quarter_tested(
      folder_, "user_id,item_id,rating,timestamp\nann,x,5,1\nann,y,5,2\nann,z,5,2\nann,w,5,4\n"));
  check_leaks(*store_, *view_, "minilm");
  EXPECT_THAT(refused(2, [](Example& example) { example.sources = {1}; }),
              HasSubstr("made from row 1, a later event or one of its time"));
  EXPECT_THAT(refused(2, [](Example& example) { example.statistics_end = 2; }),
              HasSubstr("its statistics count rows up to 1"));
}

TEST_F(LeakGuard, RefusesARepeatOfAHeldOutPair) {
  DataOptions options = test::quarter_tested(
      folder_, "user_id,item_id,rating,timestamp\nann,x,5,1\nann,y,5,2\nbob,x,5,3\nann,x,5,4\n");
  options.cleaning.drop_duplicates = false;
  use(options);
  EXPECT_THAT(refused(0, [&](Example& example) { example = honest(0); }),
              HasSubstr("it repeats user and item of test row 3"));
  EXPECT_THAT(refused(0, [](Example& example) { example.sources = {0}; }),
              HasSubstr("row 0, which repeats user and item of test row 3"));
  const auto test = evaluation_view(*store_, Part::Test, options_);
  const Tampered shown(*test, 0, [](Example& example) { example.sources = {0}; });
  EXPECT_THAT(
      error_of(Code::Data, [&] { check_evaluation_leaks(*store_, shown, Part::Test, "minilm"); }),
      HasSubstr("row 0, which repeats user and item of test row 3"));
}

TEST_F(LeakGuard, RefusesAnEvaluationOfOtherRowsOrFromHeldOutText) {
  const auto view = evaluation_view(*store_, Part::Test, options_);
  const Row validation = store_->rows(Part::Validation).front();
  const Tampered source(*view, 1, [&](Example& e) { e.sources.push_back(validation); });
  EXPECT_THAT(
      error_of(Code::Data, [&] { check_evaluation_leaks(*store_, source, Part::Test, "minilm"); }),
      HasSubstr("a validation row"));
  const Tampered row(*view, 1, [&](Example& e) { e = honest(validation); });
  EXPECT_THAT(
      error_of(Code::Data, [&] { check_evaluation_leaks(*store_, row, Part::Test, "minilm"); }),
      HasSubstr("not row 1 of the test part"));
  EXPECT_THAT(error_of(Code::Data,
                       [&] { check_evaluation_leaks(*store_, *view, Part::Validation, "minilm"); }),
              HasSubstr("validation has 6 rows"));
}

}  // namespace
}  // namespace tutti
