// The worked example of the README: ten users, three members, equal weights.
#include "tutti/data/files.hpp"
#include "tutti/ensemble/fusion_rule.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

namespace tutti {
namespace {

TEST(WorkedExample, all_ten_fused_scores_are_right) {
  std::istringstream file(read_file(Path(TUTTI_SOURCE_DIR) / "configs" / "worked-example.csv"));
  std::string line;
  std::getline(file, line);
  ASSERT_EQ(line, "user,item,label,bert,gpt,roberta");
  std::vector<std::vector<double>> member(3);
  std::vector<double> label;
  std::vector<std::int32_t> user;
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::vector<std::string> cells;
    for (std::string cell; std::getline(fields, cell, ',');) cells.push_back(cell);
    ASSERT_EQ(cells.size(), 6U) << line;
    user.push_back(std::stoi(cells[0]));
    label.push_back(std::stod(cells[2]));
    for (std::size_t m = 0; m < 3; ++m) member[m].push_back(std::stod(cells[3 + m]));
  }
  std::vector<double> values;
  for (const auto& scores : member) values.insert(values.end(), scores.begin(), scores.end());
  const Scores scores{values, user, 3, static_cast<std::int64_t>(user.size())};

  const auto rule = FusionRegistry::make("average", {});
  rule->fit(scores, {label});
  std::vector<double> fused(user.size());
  rule->fuse(scores, fused);

  // By hand: user 1 is (0.8 + 0.7 + 0.6) / 3.
  const std::vector<double> want = {0.7, 0.3, 0.75, 0.6, 0.2, 0.45, 0.83, 0.2, 0.52, 0.5};
  ASSERT_EQ(fused.size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(fused[i], want[i], 1e-15) << i + 1;
}

}  // namespace
}  // namespace tutti
