#include "tutti/data/store.hpp"

#include <string>
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

}  // namespace
}  // namespace tutti
