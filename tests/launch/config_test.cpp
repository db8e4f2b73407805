#include "tutti/launch/config.hpp"

#include "tutti/data/error.hpp"
#include "tutti/launch/config_keys.hpp"
#include "tutti/train/head.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace tutti {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kTwoMembers = R"([experiment]
name = "two"
seed = 7
[data]
source = "atomic"
path = "here/ml"
split = { by = "random", test = 0.2 }
[train]
epochs = 2
precision = "bf16"
data = { history = 5 }
pretrain = { objective = "mlm" }
[[member]]
name = "a.b"
backbone = "all-MiniLM-L6-v2"
learning_rate = 3e-5
[[member]]
name = "gpt"
backbone = { type = "", folder = "models/x", layers = 4 }
epochs = 1
data = { fold = 1, of = 4, fields = ["title"] }
)";

Config parse(const std::string& text, const std::vector<std::string>& set = {}) {
  return parse_config(text, "x.toml", "/home/me", set);
}

// The error that `text` gives, and that it is a Config error.
std::string refusal(const std::string& text, const std::vector<std::string>& set = {},
                    Code code = Code::Config) {
  try {
    parse(text, set);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "accepted: " << text;
  return {};
}

TEST(Config, TwoTowersShareHistoriesUnlessToldNotTo) {
  const std::string text = kTwoMembers;
  const auto shared = [&](const std::vector<std::string>& set) {
    return parse(text, set).members[0].data.share_history;
  };
  EXPECT_EQ(shared({}), 0);
  EXPECT_EQ(shared({"train.kind=two-tower"}), 64);
  EXPECT_EQ(shared({"train.kind=two-tower", "member.0.data.share_history=1"}), 1);
  EXPECT_EQ(shared({"train.kind=two-tower", "member.0.kind=cross"}), 0);
  EXPECT_THAT(refusal(text, {"train.kind=two-towers"}), HasSubstr("did you mean 'two-tower'?"));
}

TEST(Config, ReadsSectionsAndDefaults) {
  const Config config = parse(kTwoMembers);
  EXPECT_EQ(config.experiment.name, "two");
  EXPECT_EQ(config.experiment.seed, 7U);
  EXPECT_EQ(config.data.split.by, "random");
  EXPECT_EQ(config.data.split.test, 0.2);
  EXPECT_EQ(config.data.split.validation, SplitOptions{}.validation);
  ASSERT_EQ(config.members.size(), 2U);
  EXPECT_EQ(config.members[0].backbone.folder, "all-MiniLM-L6-v2");
  EXPECT_EQ(config.members[0].train.learning_rate, 3e-5);
}

TEST(Config, MembersInheritFromTrainAndOverride) {
  const Config config = parse(kTwoMembers);
  EXPECT_EQ(config.members[0].train.epochs, 2);
  EXPECT_EQ(config.members[1].train.epochs, 1);
  EXPECT_EQ(config.members[1].train.precision, "bf16");
  EXPECT_EQ(config.members[1].data.history, 5);
  EXPECT_EQ(config.members[1].data.fold, 1);
  EXPECT_EQ(config.members[1].data.fields, std::vector<std::string>{"title"});
  EXPECT_EQ(config.members[1].pretrain.objective, "mlm");
}

TEST(Config, RelativePathsStartAtTheConfigsFolder) {
  const Config config = parse(kTwoMembers);
  EXPECT_EQ(config.data.path, "/home/me/here/ml");
  EXPECT_EQ(config.members[1].backbone.folder, "/home/me/models/x");
  EXPECT_EQ(parse("[data]\npath = \"cache:data/ml\"").data.path, "cache:data/ml");
  EXPECT_EQ(parse("[data]\npath = \"$TUTTI_CACHE/data/ml\"").data.path, "cache:data/ml");
  EXPECT_EQ(parse("[data]\npath = \"/abs\"").data.path, "/abs");
}

TEST(Config, ResolvedConfigReadsBackToItself) {
  if (HeadRegistry::names().empty()) GTEST_SKIP() << "heads are not built yet";
  const Config config = parse(kTwoMembers, {"data.cleaning.rating_min=-1.5e-7"});
  const std::string text = write_config(config);
  const Config again = parse_config(text, "y.toml", "/somewhere/else");
  EXPECT_EQ(write_config(again), text);
  EXPECT_EQ(again.members[1].data.fold, 1);
  EXPECT_THAT(text, HasSubstr("learning_rate = 3e-05"));
}

TEST(Config, ResolvedConfigWritesEveryKey) {
  const std::string text = write_config(parse(kTwoMembers));
  for (const auto& key : data_keys()) EXPECT_THAT(text, HasSubstr("\n" + key.path + " = "));
  for (const auto& key : ensemble_keys()) EXPECT_THAT(text, HasSubstr("\n" + key.path + " = "));
  for (const auto& key : member_keys()) {
    if (key.if_set) continue;
    EXPECT_THAT(text, HasSubstr("\n" + key.path + " = "));
  }
  EXPECT_THAT(text, Not(HasSubstr("threads")));
  EXPECT_THAT(write_config(parse(kTwoMembers, {"train.threads=2"})), HasSubstr("threads = 2"));
}

TEST(Config, KeysAreSaidOnce) {
  const auto check = [](const auto& keys) {
    std::set<std::string> seen;
    for (const auto& key : keys) {
      EXPECT_TRUE(seen.insert(key.path).second) << key.path;
      EXPECT_FALSE(key.description.empty()) << key.path;
    }
  };
  check(experiment_keys());
  check(data_keys());
  check(member_keys());
  check(ensemble_keys());
}

TEST(Config, UnknownKeyIsNamedWithPlaceAndNeighbour) {
  EXPECT_THAT(refusal("[train]\nepochs = 1\nlerning_rate = 1e-5\n"),
              AllOf(HasSubstr("x.toml:3:1"), HasSubstr("'lerning_rate' in train"),
                    HasSubstr("did you mean 'learning_rate'?")));
  EXPECT_THAT(refusal("[data]\nsplit = { bye = \"time\" }\n"),
              AllOf(HasSubstr("x.toml:2:11"), HasSubstr("'bye' in data.split"),
                    HasSubstr("did you mean 'by'?")));
  EXPECT_THAT(refusal("[trian]\n"), HasSubstr("did you mean 'train'?"));
  EXPECT_THAT(refusal(std::string(kTwoMembers) + "threads = 2\n"), HasSubstr("in member.1"));
}

TEST(Config, WrongTypeSaysFoundAndExpected) {
  EXPECT_THAT(refusal("[train]\nepochs = \"three\"\n"),
              AllOf(HasSubstr("x.toml:2:10"),
                    HasSubstr("train.epochs: found a string, expected a number")));
  EXPECT_THAT(refusal("[train]\nranks = 1.5\n"),
              HasSubstr("found a number, expected a whole number"));
  EXPECT_THAT(refusal("[train]\ndata = 3\n"), HasSubstr("expected a table"));
  EXPECT_THAT(refusal("[train.data]\nfields = [\"a\", 3]\n"), HasSubstr("a string in the list"));
  EXPECT_THAT(refusal("member = 3\n"), HasSubstr("[[member]]"));
}

TEST(Config, OutOfRangeSaysValueAndRange) {
  EXPECT_THAT(refusal("[train]\nlearning_rate = -1\n"),
              AllOf(HasSubstr("-1 is out of range"), HasSubstr("0 .. 1")));
  EXPECT_THAT(refusal("[train]\nlearning_rate = nan\n"), HasSubstr("out of range"));
  EXPECT_THAT(refusal("[train]\nlearning_rate = inf\n"), HasSubstr("out of range"));
  EXPECT_THAT(refusal("[experiment]\nseed = -1\n"), HasSubstr("out of range"));
  EXPECT_THAT(refusal("[train]\nranks = -1\n"), HasSubstr("out of range"));
}

TEST(Config, UnknownChoiceNamesTheNearest) {
  EXPECT_THAT(refusal("[train]\nprecision = \"bf61\"\n"), HasSubstr("did you mean 'bf16'?"));
  EXPECT_THAT(refusal("[data]\nsource = \"movielens-100\"\n"),
              AllOf(HasSubstr("unknown data source"), HasSubstr("'movielens-100k'")));
}

TEST(Config, BadTomlIsPlaced) {
  EXPECT_THAT(refusal("[train]\nepochs = = 3\n"), HasSubstr("x.toml:2:"));
}

TEST(Config, MembersNeedNamesOfTheirOwn) {
  const std::string two = "[[member]]\nname = \"a\"\nbackbone = \"x\"\n";
  EXPECT_THAT(refusal(two + two), HasSubstr("'a' is taken by member.0"));
  for (const char* bad : {"../x", "/abs", "", ".hidden", "a b", "a/b"}) {
    EXPECT_THAT(refusal("[[member]]\nname = \"" + std::string(bad) + "\"\nbackbone = \"x\"\n"),
                HasSubstr("cannot be a folder's name"));
  }
  EXPECT_THAT(refusal("[experiment]\nname = \"../x\"\n"), HasSubstr("cannot be a folder's name"));
}

TEST(Config, MemberNeedsOneBackbone) {
  EXPECT_THAT(refusal("[[member]]\nname = \"a\"\n"), HasSubstr("has no backbone"));
}

TEST(Config, OverridesReachEverything) {
  const Config config =
      parse(kTwoMembers, {"train.epochs=5", "member.0.learning_rate=1e-4", "member.a.b.seed=9",
                          "member.0.backbone.layers=3", "member.gpt.data.history=1",
                          "train.precision=fp32", "data.split.by=time", "data.path=there"});
  EXPECT_EQ(config.members[0].train.epochs, 5);
  EXPECT_EQ(config.members[1].train.epochs, 1);
  EXPECT_EQ(config.members[0].train.learning_rate, 1e-4);
  EXPECT_EQ(config.members[0].seed, 9U);
  EXPECT_EQ(config.members[0].backbone.folder, "all-MiniLM-L6-v2");
  EXPECT_EQ(config.members[0].backbone.layers, 3);
  EXPECT_EQ(config.members[1].data.history, 1);
  EXPECT_EQ(config.members[1].train.precision, "fp32");
  EXPECT_EQ(config.data.split.by, "time");
  EXPECT_EQ(config.data.path, "/home/me/there");
}

TEST(Config, BadOverridesAreNamed) {
  EXPECT_THAT(refusal(kTwoMembers, {"train.epoch=5"}),
              AllOf(HasSubstr("--set train.epoch"), HasSubstr("did you mean 'epochs'?")));
  EXPECT_THAT(refusal(kTwoMembers, {"member.2.seed=5"}), HasSubstr("no such member"));
  EXPECT_THAT(refusal(kTwoMembers, {"member.0.seed=x"}),
              AllOf(HasSubstr("--set member.0.seed"), HasSubstr("expected a whole number")));
  refusal(kTwoMembers, {"train.epochs"}, Code::Usage);
}

TEST(Config, MemberSeedsDependOnNameNotOnPlace) {
  const Config config = parse(kTwoMembers);
  EXPECT_NE(member_seed(config, config.members[0]), member_seed(config, config.members[1]));
  Config turned = config;
  std::swap(turned.members[0], turned.members[1]);
  EXPECT_EQ(member_seed(config, config.members[0]), member_seed(turned, turned.members[1]));
}

TEST(Config, DocsPageIsTheCommittedOne) {
  EXPECT_EQ(config_docs(), read_file(Path(TUTTI_SOURCE_DIR) / "docs" / "config.md"))
      << "run: tutti config-docs > docs/config.md";
}

}  // namespace
}  // namespace tutti
