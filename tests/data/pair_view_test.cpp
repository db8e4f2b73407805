#include "tutti/data/store.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "fixture.hpp"

namespace tutti {
namespace {

TEST(PairView, PutsAPairAsAnEvaluationRowIsPut) {
  const Path folder =
      std::filesystem::temp_directory_path() / ("tutti-pair-" + std::to_string(::getpid()));
  make_folder(folder);
  std::string rows = "user_id,item_id,rating,timestamp\n";
  for (int i = 0; i < 60; ++i) {
    rows += "u" + std::to_string(i % 5) + ",i" + std::to_string(i % 12) + "," +
            std::to_string(1 + i % 5) + "," + std::to_string(1000 + i) + "\n";
  }
  write_file(folder / "rows.csv", rows);
  DataOptions options;
  options.source = "csv";
  options.csv.interactions = (folder / "rows.csv").string();
  options.split.test = 0.2;
  build_store(options, 1, folder / "store.h5");
  const Store store = Store::open(folder / "store.h5");
  std::filesystem::remove_all(folder);

  MemberData member;
  member.fields = {"id"};
  member.user_fields = {"id"};
  member.statistics = true;
  std::vector<UserItem> pairs;
  for (const Row row : store.rows(Part::Test)) {
    pairs.push_back({store.interactions().user[static_cast<std::size_t>(row)],
                     store.interactions().item[static_cast<std::size_t>(row)]});
  }
  const auto rows_view = evaluation_view(store, Part::Test, member);
  const auto view = pair_view(store, pairs, member);
  ASSERT_EQ(view->size(), rows_view->size());
  ASSERT_GT(view->size(), 0);
  for (Row i = 0; i < view->size(); ++i) {
    EXPECT_EQ(view->get(i).text, rows_view->get(i).text);
    EXPECT_EQ(view->get(i).text_pair, rows_view->get(i).text_pair);
  }
  const Example stranger = pair_view(store, {{-1, pairs[0].item}}, member)->get(0);
  EXPECT_EQ(stranger.text_pair, rows_view->get(0).text_pair);
  EXPECT_EQ(stranger.text, "new user");
}

TEST(PairView, TextsOfATrainingStoreAreThoseOfTheWhole) {
  const test::Folder folder;
  DataOptions options = test::small_source(folder, 6, 11, 60);
  std::string more = read_file(folder.path() / "interactions.csv");
  more += "u0,i0,9,1\nu1,i4,1,2\n";              // ratings beyond the others, first: training rows
  more += "u0,i0,3,2000000\nu2,i1,9,2000001\n";  // the last rows: one repeats the first
  folder.write("interactions.csv", more);
  options.cleaning.drop_duplicates = false;
  options.split.validation = 0.2;
  options.cleaning.rating_max = 9;
  options.split.max_validation = 5;  // leaves unused rows too
  build_store(options, 1, folder.path() / "store.h5");
  const Store store = Store::open(folder.path() / "store.h5");
  write_training_store(store, folder.path() / "items.h5");
  const Store items = Store::open(folder.path() / "items.h5");

  ASSERT_FALSE(store.rows(Part::Unused).empty());
  EXPECT_EQ(items.rows(Part::Train).size(), items.parts().size());
  EXPECT_LT(items.parts().size(), store.rows(Part::Train).size());  // without the repeats
  EXPECT_GT(items.parts().size(), 20U);
  EXPECT_EQ(items.interactions().user_ids, store.interactions().user_ids);
  EXPECT_EQ(items.interactions().item_ids, store.interactions().item_ids);
  std::vector<UserItem> pairs;
  for (std::int32_t user = -1; user < 6; ++user) {
    for (std::int32_t item = 0; item < 11; ++item) pairs.push_back({user, item});
  }
  MemberData member;
  member.user_fields = {"age", "id"};
  member.statistics = true;
  const auto whole = pair_view(store, pairs, member);
  const auto part = pair_view(items, pairs, member);
  for (Row i = 0; i < whole->size(); ++i) {
    EXPECT_EQ(part->get(i).text, whole->get(i).text);
    EXPECT_EQ(part->get(i).text_pair, whole->get(i).text_pair);
  }
}

}  // namespace
}  // namespace tutti
