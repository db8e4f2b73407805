#include "tutti/data/predictions.hpp"

#include "tutti/data/hdf5.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "fixture.hpp"

namespace tutti {
namespace {

using test::error_of;
using test::Folder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Predictions some() {
  Predictions predictions{"minilm", "classification", {}, {}};
  predictions.validation = {
      {3, 5}, {0, 1}, {7, 2}, {1, 0}, 2, {0.5F, -0.25F, 1e-30F, 3.0F}, {0.1, 1.0 / 3.0}};
  predictions.test = {{9}, {4}, {2}, {1}, 2, {-1.0F, 1.0F}, {0.75}};
  return predictions;
}

TEST(Predictions, ComeBackToTheBit) {
  const Folder folder;
  const Path file = folder.path() / "predictions.h5";
  write_predictions(file, some());
  const Predictions back = read_predictions(file);
  EXPECT_EQ(back.member, "minilm");
  EXPECT_EQ(back.head, "classification");
  EXPECT_EQ(back.validation.row, some().validation.row);
  EXPECT_EQ(back.validation.user, some().validation.user);
  EXPECT_EQ(back.validation.item, some().validation.item);
  EXPECT_EQ(back.validation.label, some().validation.label);
  EXPECT_EQ(back.validation.outputs, 2);
  EXPECT_EQ(back.validation.logits, some().validation.logits);
  EXPECT_EQ(back.validation.score, some().validation.score);
  EXPECT_EQ(back.test.row, some().test.row);
  EXPECT_EQ(back.test.score, some().test.score);
}

TEST(Predictions, KeepAnEmptyPartAndNoLogits) {
  const Folder folder;
  const Path file = folder.path() / "predictions.h5";
  Predictions predictions = some();
  predictions.validation.logits.clear();
  predictions.test = {};
  write_predictions(file, predictions);
  const Predictions back = read_predictions(file);
  EXPECT_TRUE(back.validation.logits.empty());
  EXPECT_EQ(back.validation.score, predictions.validation.score);
  EXPECT_EQ(back.test.size(), 0U);
}

TEST(Predictions, RefuseAFileThatLacksADataset) {
  const Folder folder;
  const Path file = folder.path() / "half.h5";
  Hdf5Writer out;
  out.write<std::int64_t>("/validation/row", std::vector<std::int64_t>{1});
  out.attribute("/", "format", "tutti-predictions");
  out.attribute("/", "version", "1");
  out.attribute("/", "member", "m");
  out.attribute("/", "head", "regression");
  out.save(file);
  EXPECT_THAT(error_of(Code::Data, [&] { read_predictions(file); }),
              AllOf(HasSubstr("/validation/user"), HasSubstr("half.h5")));
}

TEST(Predictions, RefuseColumnsOfUnequalLength) {
  const Folder folder;
  const Path file = folder.path() / "ragged.h5";
  Hdf5Writer out;
  out.write<std::int64_t>("/validation/row", std::vector<std::int64_t>{1, 2});
  out.write<std::int32_t>("/validation/user", std::vector<std::int32_t>{1, 2});
  out.write<std::int32_t>("/validation/item", std::vector<std::int32_t>{1, 2});
  out.write<double>("/validation/label", std::vector<double>{1, 2});
  out.write<float>("/validation/logits", std::vector<float>{});
  out.write<double>("/validation/score", std::vector<double>{1});
  out.attribute("/validation", "outputs", "1");
  out.attribute("/", "format", "tutti-predictions");
  out.attribute("/", "version", "1");
  out.attribute("/", "member", "m");
  out.attribute("/", "head", "regression");
  out.save(file);
  EXPECT_THAT(error_of(Code::Data, [&] { read_predictions(file); }),
              HasSubstr("/validation/score has 1 values, 2 expected"));
}

TEST(Predictions, RefuseWhatIsNotHdf5) {
  const Folder folder;
  const Path file = folder.write("predictions.h5", "no file of this kind");
  EXPECT_THAT(error_of(Code::Data, [&] { read_predictions(file); }), HasSubstr("not an HDF5 file"));
  EXPECT_THAT(error_of(Code::Io, [&] { read_predictions(folder.path() / "none.h5"); }),
              HasSubstr("none.h5"));
}

TEST(PredictionsCsv, GivesEachMemberItsColumn) {
  const Folder folder;
  const Path file = folder.write("wide.csv",
                                 "split,user,item,label,bert,gpt\n"
                                 "validation,ann,x,1,0.9,0.2\n"
                                 "test,bob,x,0,0.5,0.25\n"
                                 "validation,bob,y,0,0.125,1e-3\n");
  const std::vector<Predictions> members = read_predictions_csv(file);
  ASSERT_EQ(members.size(), 2U);
  EXPECT_EQ(members[0].member, "bert");
  EXPECT_EQ(members[1].member, "gpt");
  EXPECT_THAT(members[0].validation.score, ElementsAre(0.9, 0.125));
  EXPECT_THAT(members[1].validation.score, ElementsAre(0.2, 1e-3));
  EXPECT_THAT(members[1].test.score, ElementsAre(0.25));
  EXPECT_THAT(members[0].validation.user, ElementsAre(0, 1));
  EXPECT_THAT(members[0].test.user, ElementsAre(1));
  EXPECT_THAT(members[0].validation.item, ElementsAre(0, 1));
  EXPECT_THAT(members[0].validation.row, ElementsAre(0, 2));
  EXPECT_THAT(members[0].validation.label, ElementsAre(1, 0));
}

TEST(PredictionsCsv, WithoutSplitAllIsValidation) {
  const Folder folder;
  const Path file = folder.write("wide.csv", "user,item,label,a\nu,i,1,0.5\nv,i,0,0.25\n");
  const std::vector<Predictions> members = read_predictions_csv(file);
  EXPECT_EQ(members.at(0).validation.size(), 2U);
  EXPECT_EQ(members.at(0).test.size(), 0U);
}

TEST(PredictionsCsv, NamesFileAndLine) {
  const Folder folder;
  const auto text_of = [&](const std::string& bytes) {
    const Path file = folder.write("wide.csv", bytes);
    return error_of(Code::Data, [&] { read_predictions_csv(file); });
  };
  EXPECT_THAT(text_of("user,item,label,a\nu,i,1,nan\n"), HasSubstr("wide.csv:2: score of a 'nan'"));
  EXPECT_THAT(text_of("user,item,label,a\nu,i,1\n"), HasSubstr("wide.csv:2: 3 fields, 4 expected"));
  EXPECT_THAT(text_of("user,items,label,a\nu,i,1,0\n"),
              AllOf(HasSubstr("wide.csv:1"), HasSubstr("did you mean 'items'")));
  EXPECT_THAT(text_of("user,item,label\nu,i,1\n"), HasSubstr("no member's column"));
  EXPECT_THAT(text_of("user,item,label,a,a\nu,i,1,0,0\n"), HasSubstr("two columns 'a'"));
  EXPECT_THAT(text_of("split,user,item,label,a\ntrain,u,i,1,0\n"), HasSubstr("split 'train'"));
  EXPECT_THAT(text_of("user,item,label,a\n"), HasSubstr("no predictions"));
}

}  // namespace
}  // namespace tutti
