#include "tutti/data/store.hpp"

#include "tutti/data/hdf5.hpp"
#include "tutti/data/store_file.hpp"

#include <string>
#include <utility>
#include <vector>

#include "fixture.hpp"

namespace tutti {
namespace {

using test::error_of;
using test::Folder;
using test::small_source;
using ::testing::HasSubstr;

TEST(Store, HoldsWhatTheSourceHolds) {
  const Folder folder;
  const Path file = folder.path() / "dataset.h5";
  const CleaningReport report = build_store(small_source(folder), 1, file);
  EXPECT_EQ(report.read, 60);
  EXPECT_EQ(report.kept, 60);
  const Store store = Store::open(file);
  EXPECT_EQ(store.task(), "click");
  EXPECT_EQ(store.interactions().size(), 60);
  EXPECT_EQ(store.interactions().user_ids.size(), 6U);
  EXPECT_EQ((*store.interactions().items.find("title"))[3], "Film 3");
  EXPECT_EQ((*store.interactions().users.find("gender"))[1], "M");
  EXPECT_EQ(store.interactions().line[0], 2);
  for (std::size_t r = 0; r < 60; ++r) {
    EXPECT_EQ(store.labels()[r], store.interactions().rating[r] >= 4 ? 1.0 : 0.0);
  }
  EXPECT_EQ(store.rows(Part::Train).size(), 48U);
  EXPECT_EQ(store.rows(Part::Validation).size(), 6U);
  EXPECT_EQ(store.rows(Part::Test).size(), 6U);
  EXPECT_EQ(store.rows(Part::Test).back(), 59);
}

// Columns are not written to in place: `change` gets a copy of the values.
template <class T, class Change>
void edit(Column<T>& column, Change change) {
  std::vector<T> values(column.begin(), column.end());
  change(values);
  column = values;
}

TEST(Store, EqualDataHasEqualBytesAndFingerprint) {
  const Folder folder;
  const DataOptions options = small_source(folder);
  build_store(options, 1, folder.path() / "a.h5");
  build_store(options, 1, folder.path() / "b.h5");
  EXPECT_EQ(read_file(folder.path() / "a.h5"), read_file(folder.path() / "b.h5"));
  const std::string before = Store::open(folder.path() / "a.h5").fingerprint();
  std::string rows = read_file(folder.path() / "interactions.csv");
  rows[rows.size() - 10] = rows[rows.size() - 10] == '1' ? '2' : '1';  // the last rating
  folder.write("interactions.csv", rows);
  build_store(options, 1, folder.path() / "c.h5");
  EXPECT_NE(Store::open(folder.path() / "c.h5").fingerprint(), before);
}

// What somebody changed with care, checksums and all: only the fingerprint shows it.
TEST(Store, RefusesContentThatIsNotThatOfItsFingerprint) {
  const Folder folder;
  const Path file = folder.path() / "dataset.h5";
  build_store(small_source(folder), 1, file);
  StoreContent content;
  const std::string fingerprint = read_store(file, content);
  write_store(file, content, fingerprint);
  EXPECT_EQ(Store::open(file).fingerprint(), fingerprint);

  const auto changed = [&](auto change) {
    StoreContent other = content;
    change(other);
    write_store(file, other, fingerprint);
    EXPECT_THAT(
        error_of(Code::Data, [&] { Store::open(file); }),
        AllOf(HasSubstr("dataset.h5"), HasSubstr("fingerprint " + fingerprint.substr(0, 12))));
  };
  changed([](StoreContent& c) { c.task = "rank"; });
  changed([](StoreContent& c) { edit(c.labels, [](auto& v) { v[7] = 1 - v[7]; }); });
  changed([](StoreContent& c) { edit(c.parts, [](auto& v) { v[59] = Part::Train; }); });
  changed([](StoreContent& c) { edit(c.interactions.time, [](auto& v) { v[0] -= 1; }); });
  changed(
      [](StoreContent& c) { std::swap(c.interactions.user_ids[0], c.interactions.user_ids[1]); });
  changed([](StoreContent& c) { c.interactions.items.columns[0][2] += "!"; });
  changed([](StoreContent& c) { c.interactions.users.names[0] = "years"; });
}

TEST(Store, RefusesColumnsThatDoNotFit) {
  const Folder folder;
  const Path file = folder.path() / "dataset.h5";
  build_store(small_source(folder), 1, file);
  StoreContent content;
  read_store(file, content);
  const auto wrong = [&](auto change) {
    StoreContent other = content;
    change(other);
    write_store(file, other, fingerprint_of(other));
    EXPECT_THAT(error_of(Code::Data, [&] { Store::open(file); }),
                HasSubstr("columns do not fit each other in"));
  };
  wrong([](StoreContent& c) { edit(c.labels, [](auto& v) { v.pop_back(); }); });
  wrong([](StoreContent& c) { edit(c.interactions.user, [](auto& v) { v[3] = 6; }); });
  wrong([](StoreContent& c) { edit(c.interactions.item, [](auto& v) { v[3] = -1; }); });
  wrong([](StoreContent& c) { c.interactions.items.columns[1].pop_back(); });
  wrong([](StoreContent& c) { edit(c.parts, [](auto& v) { v[0] = static_cast<Part>(9); }); });
  wrong([](StoreContent& c) { edit(c.interactions.time, [](auto& v) { std::swap(v[0], v[1]); }); });
}

TEST(Store, RefusesAFileOfAnotherKind) {
  const Folder folder;
  EXPECT_THAT(error_of(Code::Io, [&] { Store::open(folder.path() / "none.h5"); }),
              HasSubstr("none.h5"));
  EXPECT_THAT(error_of(Code::Data, [&] { Store::open(folder.write("text.h5", "text")); }),
              HasSubstr("not an HDF5 file"));
  Hdf5Writer other;
  other.write<double>("/x", std::vector<double>{1});
  other.save(folder.path() / "other.h5");
  EXPECT_THAT(error_of(Code::Data, [&] { Store::open(folder.path() / "other.h5"); }),
              HasSubstr("not a tutti dataset"));
}

TEST(Store, RefusesOptionsThatCannotBe) {
  const Folder folder;
  const auto text_of = [&](auto change) {
    DataOptions options = small_source(folder);
    change(options);
    return error_of(Code::Config, [&] { build_store(options, 1, folder.path() / "dataset.h5"); });
  };
  EXPECT_THAT(text_of([](auto& o) { o.task = "clicks"; }), HasSubstr("data.task is 'clicks'"));
  EXPECT_THAT(text_of([](auto& o) { o.source = "cvs"; }), HasSubstr("did you mean 'csv'"));
  EXPECT_THAT(text_of([](auto& o) { o.split.by = "user_time"; }), HasSubstr("'user-time'"));
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "dataset.h5"));
}

}  // namespace
}  // namespace tutti
