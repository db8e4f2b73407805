#include "tutti/data/error.hpp"
#include "tutti/data/files.hpp"
#include "tutti/train/safetensors.hpp"

#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>

#include "model_support.hpp"

namespace tutti::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const std::vector<std::string>& texts() {
  static const std::vector<std::string> lines = {"the cat sat on the mat", "the dog sat on the log",
                                                 "a cat and a dog"};
  return lines;
}

class ModelFolder : public ::testing::Test {
 protected:
  ModelFolder()
      : root_(std::filesystem::temp_directory_path() /
              ("tutti_model_folder_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(root_);
  }
  ~ModelFolder() override { std::filesystem::remove_all(root_); }

  static ModelAndTokenizer scratch(const std::string& type, int labels = 3) {
    BackboneOptions options;
    options.type = type;
    options.layers = 3;
    options.hidden = 16;
    options.heads = 4;
    options.max_positions = 32;
    options.tokenizer = "train";
    options.vocab_size = 270;
    return make_model(options, labels, "single_label_classification", 3, texts());
  }

  // A folder with a saved model of three layers and three labels.
  Path saved(const std::string& type) {
    const auto made = scratch(type);
    save_model(*made.model, *made.tokenizer, root_ / type);
    return root_ / type;
  }

  static ModelAndTokenizer from(const Path& folder, int labels, int layers = 0,
                                double dropout = -1) {
    BackboneOptions options;
    options.folder = folder.string();
    options.layers = layers;
    options.dropout = dropout;
    return make_model(options, labels, "single_label_classification", 4, {});
  }

  static void edit_config(const Path& folder, const std::function<void(json&)>& edit) {
    json config = json::parse(read_file(folder / "config.json"));
    edit(config);
    write_file(folder / "config.json", config.dump());
  }

  Path root_;
};

std::string failure(const std::function<void()>& work, Code code) {
  try {
    work();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  return "no error";
}

class ModelFolderOf : public ModelFolder, public ::testing::WithParamInterface<std::string> {};

TEST_P(ModelFolderOf, SavedAndLoadedGivesTheSameBits) {
  const at::NoGradGuard no_grad;
  const auto made = scratch(GetParam());
  save_model(*made.model, *made.tokenizer, root_ / "m");
  const auto loaded = load_model(root_ / "m");
  const auto before = made.model->named_parameters();
  const auto after = loaded.model->named_parameters();
  ASSERT_EQ(before.size(), after.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(before[i].first, after[i].first);
    EXPECT_TRUE(before[i].second.equal(after[i].second)) << before[i].first;
  }
  const Batch batch = batch_of(examples());
  EXPECT_TRUE(made.model->logits(batch, {}).equal(loaded.model->logits(batch, {})));
  EXPECT_EQ(loaded.model->config_json(), made.model->config_json());
  EXPECT_EQ(loaded.tokenizer->digest(), made.tokenizer->digest());
  EXPECT_EQ(model_size(*loaded.model).parameters, model_size(*made.model).parameters);
}

TEST_P(ModelFolderOf, KeepsTheFirstLayersAndTheClassifierThatFits) {
  const Path folder = saved(GetParam());
  const auto whole = load_model(folder);
  const auto cut = from(folder, 3, 2);
  EXPECT_EQ(model_size(*cut.model).trainable_layers, 2);
  std::map<std::string, at::Tensor> known;
  for (const auto& [name, value] : whole.model->named_parameters()) known.emplace(name, value);
  EXPECT_LT(cut.model->named_parameters().size(), known.size());
  for (const auto& [name, value] : cut.model->named_parameters()) {
    ASSERT_EQ(known.count(name), 1U) << name;
    EXPECT_TRUE(value.equal(known.at(name))) << name;
  }
  // Another number of labels: all but the classifier is kept.
  const auto other = from(folder, 2);
  int fresh = 0;
  for (const auto& [name, value] : other.model->named_parameters()) {
    if (value.sizes() != known.at(name).sizes()) {
      ++fresh;
      EXPECT_EQ(value.size(0), 2) << name;
      if (value.dim() == 2) {
        EXPECT_NEAR(value.std().item<double>(), 0.02, 0.01);
      }
    } else {
      EXPECT_TRUE(value.equal(known.at(name))) << name;
    }
  }
  EXPECT_GE(fresh, 1);
  EXPECT_THAT(failure([&] { from(folder, 3, 9); }, Code::Config), HasSubstr("9"));
}

TEST_P(ModelFolderOf, OptionsSetDropoutAndANegativeKeepsTheFolders) {
  const Path folder = saved(GetParam());  // saved with 0.1
  const std::string config = from(folder, 3).model->config_json();
  EXPECT_EQ(config, load_model(folder).model->config_json());
  EXPECT_THAT(config, HasSubstr("0.1"));
  EXPECT_THAT(from(folder, 3, 0, 0.25).model->config_json(), HasSubstr("0.25"));
}

TEST_P(ModelFolderOf, CodeOfAFolderIsNeitherFollowedNorPassedOn) {
  const Path folder = saved(GetParam());
  edit_config(folder, [](json& config) {
    config["auto_map"] = {{"AutoModel", "evil.py"}};
    config["my_own_key"] = 17;
  });
  const std::string config = load_model(folder).model->config_json();
  EXPECT_EQ(config.find("auto_map"), std::string::npos);
  EXPECT_THAT(config, HasSubstr("my_own_key"));
}

TEST_P(ModelFolderOf, BrokenFoldersAreDescribed) {
  const Path folder = saved(GetParam());
  const auto load = [&] { load_model(folder); };
  edit_config(folder, [](json& config) { config["vocab_size"] = 200; });
  EXPECT_THAT(failure(load, Code::Data), ::testing::AnyOf(HasSubstr("200"), HasSubstr("expected")));
  edit_config(folder, [](json& config) { config["vocab_size"] = "many"; });
  EXPECT_THAT(failure(load, Code::Data), HasSubstr("vocab_size"));
  edit_config(folder, [](json& config) { config["model_type"] = GetParam() + "x"; });
  EXPECT_THAT(failure(load, Code::Config), HasSubstr("did you mean '" + GetParam() + "'"));
  write_file(folder / "config.json", "{");
  EXPECT_THAT(failure(load, Code::Data), HasSubstr("not valid JSON"));
  std::filesystem::remove(folder / "config.json");
  EXPECT_THAT(failure(load, Code::Io), HasSubstr("config.json"));
}

INSTANTIATE_TEST_SUITE_P(Every, ModelFolderOf, ::testing::ValuesIn(ModelRegistry::names()),
                         [](const auto& each) { return each.param; });

TEST_F(ModelFolder, VocabularyThatDoesNotFitNamesBothNumbers) {
  const Path folder = saved("gpt2");
  const auto made = scratch("gpt2");
  const std::int32_t tokens = made.tokenizer->vocab_size();
  // An embedding one row short of the tokenizer, in config and weights alike.
  edit_config(folder, [&](json& config) { config["vocab_size"] = tokens - 1; });
  auto parameters = made.model->named_parameters();
  for (auto& [name, value] : parameters) {
    if (name == "transformer.wte.weight") value = value.slice(0, 0, tokens - 1);
  }
  write_safetensors(folder / "model.safetensors", parameters);
  const std::string said = failure([&] { load_model(folder); }, Code::Data);
  EXPECT_THAT(said, HasSubstr(std::to_string(tokens) + " tokens"));
  EXPECT_THAT(said, HasSubstr(std::to_string(tokens - 1)));
}

TEST_F(ModelFolder, MissingTensorIsNamedButAClassifierMayBeMissing) {
  const Path folder = saved("bert");
  auto parameters = load_model(folder).model->named_parameters();
  const auto without = [&](const std::string& gone) {
    std::vector<std::pair<std::string, at::Tensor>> kept;
    for (const auto& entry : parameters) {
      if (entry.first.rfind(gone, 0) != 0) kept.push_back(entry);
    }
    write_safetensors(folder / "model.safetensors", kept);
  };
  without("classifier");
  EXPECT_THAT(failure([&] { load_model(folder); }, Code::Data), HasSubstr("'classifier.weight'"));
  EXPECT_NO_THROW(from(folder, 3));
  without("bert.encoder.layer.1.output.dense.bias");
  EXPECT_THAT(failure([&] { from(folder, 3); }, Code::Data),
              HasSubstr("'bert.encoder.layer.1.output.dense.bias' is missing"));
  EXPECT_NO_THROW(from(folder, 3, 1)) << "the missing layer is cut off";
}

TEST_F(ModelFolder, WeightsWithoutPrefixAndInShards) {
  const Path folder = saved("bert");
  const auto whole = load_model(folder);
  std::vector<std::pair<std::string, at::Tensor>> one;
  std::vector<std::pair<std::string, at::Tensor>> two;
  json map = json::object();
  for (const auto& [name, value] : whole.model->named_parameters()) {
    const bool base = name.rfind("bert.", 0) == 0;
    const std::string plain = base ? name.substr(5) : name;
    const bool first = one.size() <= two.size();
    (first ? one : two).emplace_back(plain, value);
    map[plain] = first ? "a.safetensors" : "b.safetensors";
  }
  std::filesystem::remove(folder / "model.safetensors");
  write_safetensors(folder / "a.safetensors", one);
  write_safetensors(folder / "b.safetensors", two);
  const Path index = folder / "model.safetensors.index.json";
  write_file(index, json{{"weight_map", map}}.dump());
  const auto loaded = load_model(folder);
  const auto before = whole.model->named_parameters();
  const auto after = loaded.model->named_parameters();
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_TRUE(before[i].second.equal(after[i].second)) << before[i].first;
  }
  write_file(index, R"({"weight_map": {"x": "../a.safetensors"}})");
  EXPECT_THAT(failure([&] { load_model(folder); }, Code::Data), HasSubstr("../a.safetensors"));
}

TEST_F(ModelFolder, NamesAreLookedUpInTheCache) {
  const Path folder = saved("llama");
  std::filesystem::create_directories(root_ / "models");
  std::filesystem::rename(folder, root_ / "models" / "small");
  ASSERT_EQ(::setenv("TUTTI_CACHE", root_.c_str(), 1), 0);
  EXPECT_NO_THROW(from("small", 3));
  const std::string said = failure([&] { from("smaller", 3); }, Code::Io);
  EXPECT_THAT(said, HasSubstr("'smaller'"));
  EXPECT_THAT(said, HasSubstr((root_ / "models").string()));
  EXPECT_THAT(failure([&] { from("..", 3); }, Code::Io), HasSubstr("config.json"));
  ::unsetenv("TUTTI_CACHE");
}

TEST_F(ModelFolder, AnExistingFolderIsNotOverwritten) {
  const Path folder = saved("bert");
  const std::string before = read_file(folder / "model.safetensors");
  const auto other = scratch("gpt2");
  EXPECT_THROW(save_model(*other.model, *other.tokenizer, folder), Error);
  EXPECT_EQ(read_file(folder / "model.safetensors"), before);
  std::size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(root_)) ++entries;
  EXPECT_EQ(entries, 1U) << "no temporary folder is left";
}

TEST_F(ModelFolder, RotaryAngleIsReadInBothSpellings) {
  const Path folder = saved("llama");
  const at::NoGradGuard no_grad;
  const Batch batch = batch_of(examples());
  const auto logits = [&] { return load_model(folder).model->logits(batch, {}); };
  const at::Tensor usual = logits();
  edit_config(folder, [](json& config) {
    config.erase("rope_theta");
    config["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", 50.0}};
  });
  const at::Tensor five = logits();
  EXPECT_GT(distance(usual, five), 1e-6);
  edit_config(folder, [](json& config) {
    config.erase("rope_parameters");
    config["rope_theta"] = 50.0;
  });
  EXPECT_TRUE(logits().equal(five));
  edit_config(folder, [](json& config) {
    config["rope_scaling"] = {{"rope_type", "yarn"}, {"factor", 4.0}};
  });
  EXPECT_THAT(failure([&] { load_model(folder); }, Code::Data), HasSubstr("yarn"));
}

}  // namespace
}  // namespace tutti::test
