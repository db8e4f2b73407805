#include "tutti/ensemble/bundle.hpp"

#include "tutti/data/error.hpp"
#include "tutti/ensemble/bundle_format.hpp"
#include "tutti/ensemble/fusion_rule.hpp"
#include "tutti/ensemble/scorer.hpp"
#include "tutti/train/communicator.hpp"
#include "tutti/train/model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>

namespace tutti {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr double kBatches = 1e-6;  // rows of a run and pairs of a bundle lie in other batches

// Two untrained members over a small store, packed once for all tests.
class BundleTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    base() = fs::temp_directory_path() / ("tutti-bundle-" + std::to_string(::getpid()));
    fs::remove_all(base());
    make_folder(base() / "members");
    make_store();
    const Store store = Store::open(base() / "store.h5");
    info() = make_info();
    for (std::size_t m = 0; m < info().members.size(); ++m) make_member(store, m);
    Bundle::save(info(), {base() / "members", base() / "store.h5"}, base() / "bundle");
  }
  static void TearDownTestSuite() { fs::remove_all(base()); }

  static Path& base() {
    static Path path;
    return path;
  }
  static BundleInfo& info() {
    static BundleInfo made;
    return made;
  }

  static void make_store() {
    std::string rows = "user_id,item_id,rating,timestamp\n";
    for (int i = 0; i < 80; ++i) {
      rows += "u" + std::to_string(i % 5) + ",i" + std::to_string(3 * i % 16) + "," +
              std::to_string(1 + i * i % 5) + "," + std::to_string(1000 + i) + "\n";
    }
    write_file(base() / "rows.csv", rows);
    DataOptions options;
    options.source = "csv";
    options.csv.interactions = (base() / "rows.csv").string();
    options.split.test = 0.2;
    build_store(options, 1, base() / "store.h5");
  }

  static BundleInfo make_info() {
    BundleInfo out;
    out.name = "small";
    out.task = "click";
    for (const char* name : {"first", "second"}) {
      BundleMember member;
      member.name = name;
      member.head = member.name == "first" ? "classification" : "regression";
      member.max_length = 16;
      member.data.fields = {"id"};
      member.data.history = 2;
      member.data.statistics = member.name == "second";
      out.members.push_back(member);
    }
    out.rule = "average";
    FusionOptions options;
    options.members = {{"first", 0, 0}, {"second", 0, 0}};
    const auto rule = FusionRegistry::make(out.rule, options);
    const std::vector<double> values = {0.2, 0.8, 0.4, 0.6};
    const std::vector<std::int32_t> user = {0, 0};
    const std::vector<double> label = {0, 1};
    rule->fit({values, user, 2, 2}, {label});
    out.rule_state = rule->state();
    out.weights = rule->weights();
    out.provenance = {{"seed", "1"}};
    return out;
  }

  static void make_member(const Store& store, std::size_t m) {
    const BundleMember& member = info().members[m];
    const auto head = HeadRegistry::make(member.head, member.head_options);
    BackboneOptions backbone;
    backbone.type = m == 0 ? "bert" : "gpt2";
    backbone.layers = 1;
    backbone.hidden = 16;
    backbone.heads = 2;
    backbone.max_positions = 32;
    backbone.tokenizer = "train";
    backbone.vocab_size = 280;
    const std::vector<std::string> texts = {"liked i1; disliked i2", "viewers 4, liked by 50%"};
    const ModelAndTokenizer made =
        make_model(backbone, head->num_labels(), head->problem_type(), 7, texts);
    const auto single = make_single_communicator();
    const auto view = evaluation_view(store, Part::Test, member.data);
    const auto tokens = tokenise(*view, *made.tokenizer, member.max_length);
    expected().push_back(predict_set(*single, *made.model, *head, store, tokens, {}).score);
    make_folder(base() / "members" / member.name);
    save_model(*made.model, *made.tokenizer, base() / "members" / member.name / "model");
  }

  static std::vector<std::vector<double>>& expected() {
    static std::vector<std::vector<double>> scores;
    return scores;
  }

  static std::vector<UserItem> test_pairs(const Store& store) {
    std::vector<UserItem> out;
    out.reserve(store.rows(Part::Test).size());
    for (const Row row : store.rows(Part::Test)) {
      out.push_back({store.interactions().user[static_cast<std::size_t>(row)],
                     store.interactions().item[static_cast<std::size_t>(row)]});
    }
    return out;
  }

  static std::string refusal(const Path& folder) {
    try {
      Bundle::open(folder);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::Data);
      return error.what();
    }
    ADD_FAILURE() << "opened";
    return {};
  }
};

TEST_F(BundleTest, ScoresWhatTheMembersScored) {
  const Bundle bundle = Bundle::open(base() / "bundle");
  const auto pairs = test_pairs(Store::open(base() / "store.h5"));
  ASSERT_GT(pairs.size(), 5U);
  const auto members = bundle.score_members(pairs);
  const auto fused = bundle.fuse(pairs, members);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    EXPECT_NEAR(members[i], expected()[0][i], kBatches);
    EXPECT_NEAR(members[pairs.size() + i], expected()[1][i], kBatches);
    EXPECT_NEAR(fused[i], (expected()[0][i] + expected()[1][i]) / 2, kBatches);
  }
}

TEST_F(BundleTest, CarriesTrainingRowsAloneAndTheSameTexts) {
  const Store store = Store::open(base() / "store.h5");
  const Store items = Store::open(base() / "bundle" / "items.h5");
  ASSERT_FALSE(items.parts().empty());
  EXPECT_EQ(items.rows(Part::Train).size(), items.parts().size());
  const auto pairs = test_pairs(store);
  for (const BundleMember& member : info().members) {
    const auto whole = pair_view(store, pairs, member.data);
    const auto part = pair_view(items, pairs, member.data);
    for (Row i = 0; i < whole->size(); ++i) {
      EXPECT_EQ(part->get(i).text, whole->get(i).text);
      EXPECT_EQ(part->get(i).text_pair, whole->get(i).text_pair);
    }
  }
}

TEST_F(BundleTest, InfoComesBack) {
  const Bundle bundle = Bundle::open(base() / "bundle");
  const BundleInfo& got = bundle.info();
  EXPECT_EQ(got.name, "small");
  EXPECT_EQ(got.members[1].head, "regression");
  EXPECT_EQ(got.members[1].max_length, 16);
  EXPECT_EQ(got.members[1].data.fields, std::vector<std::string>{"id"});
  EXPECT_TRUE(got.members[1].data.statistics);
  EXPECT_EQ(got.weights, info().weights);
  EXPECT_EQ(got.provenance, info().provenance);
}

TEST_F(BundleTest, EqualInputsGiveEqualBytes) {
  Bundle::save(info(), {base() / "members", base() / "store.h5"}, base() / "again");
  for (const auto& entry : fs::recursive_directory_iterator(base() / "bundle")) {
    if (entry.is_directory()) continue;
    const Path name = entry.path().lexically_relative(base() / "bundle");
    EXPECT_EQ(sha256_of_file(entry.path()), sha256_of_file(base() / "again" / name)) << name;
  }
  fs::remove_all(base() / "again");
}

TEST_F(BundleTest, EveryBitOfTheManifestCounts) {
  const std::string text = read_file(base() / "bundle" / "bundle.json");
  FileDigests files;
  EXPECT_NO_THROW(parse_bundle(text, "x", files));
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = text;
      changed[i] = static_cast<char>(static_cast<unsigned char>(changed[i]) ^ (1U << bit));
      ASSERT_THROW(parse_bundle(changed, "x", files), Error) << "byte " << i << " bit " << bit;
    }
  }
}

TEST_F(BundleTest, ChangedMissingAndForeignFilesAreNamed) {
  const Path copy = base() / "copy";
  fs::copy(base() / "bundle", copy, fs::copy_options::recursive);
  const Path weights = copy / "members" / "first" / "model.safetensors";
  std::string bytes = read_file(weights);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  write_file(weights, bytes);
  EXPECT_THAT(refusal(copy), HasSubstr("model.safetensors: SHA-256"));
  fs::remove(weights);
  EXPECT_THAT(refusal(copy), HasSubstr("model.safetensors: missing"));
  fs::copy(base() / "bundle" / "members" / "first" / "model.safetensors", weights);
  write_file(copy / "more.bin", "x");
  EXPECT_THAT(refusal(copy), HasSubstr("more.bin: not a file of the bundle"));
  fs::remove_all(copy);
}

TEST_F(BundleTest, SavesWholeOrNotAtAll) {
  const BundleSources missing{base() / "nowhere", base() / "store.h5"};
  EXPECT_THROW(Bundle::save(info(), missing, base() / "half"), Error);
  for (const auto& entry : fs::directory_iterator(base())) {
    EXPECT_THAT(entry.path().filename().string(), Not(HasSubstr("half")));
  }
  EXPECT_THROW(Bundle::save(info(), {base() / "members", base() / "store.h5"}, base() / "bundle"),
               Error);
}

}  // namespace
}  // namespace tutti
