#include "tutti/data/store.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

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

}  // namespace
}  // namespace tutti
