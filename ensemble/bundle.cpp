#include "tutti/ensemble/bundle.hpp"

#include "tutti/data/error.hpp"
#include "tutti/ensemble/bundle_format.hpp"
#include "tutti/ensemble/fusion_rule.hpp"
#include "tutti/ensemble/scorer.hpp"
#include "tutti/train/communicator.hpp"
#include "tutti/train/model.hpp"
#include "tutti/train/trainer.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

namespace tutti {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargestJson = 64 << 20;
constexpr const char* kItems = "items.h5";

// Goes with all it holds unless it was given its final name.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const Path& final_name) : path_(temporary_name(final_name)) {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
    make_folder(path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const Path& path() const noexcept { return path_; }

 private:
  Path path_;
};

void copy_all(const Path& from, const Path& to) {
  std::error_code error;
  fs::copy(from, to, fs::copy_options::recursive, error);
  if (error) {
    throw Error(Code::Io, "cannot copy " + from.string() + ": " + error.message(),
                "check that there is space left");
  }
}

std::vector<std::string> files_in(const Path& folder) {
  std::vector<std::string> out;
  std::error_code error;
  fs::recursive_directory_iterator at(folder, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    if (!at->is_directory()) out.push_back(at->path().lexically_relative(folder).string());
  }
  if (error) {
    throw Error(Code::Io, "cannot read the folder " + folder.string() + ": " + error.message(),
                "check the path");
  }
  std::sort(out.begin(), out.end());
  return out;
}

void check_files(const Path& folder, const FileDigests& expected) {
  for (const std::string& name : files_in(folder)) {
    if (name != kBundleJson && expected.count(name) == 0) {
      throw Error(Code::Data, (folder / name).string() + ": not a file of the bundle",
                  "remove it, or take the bundle from where it was made again");
    }
  }
  for (const auto& [name, digest] : expected) {
    const Path relative(name);
    const bool outside = relative.is_absolute() ||
                         std::find(relative.begin(), relative.end(), Path("..")) != relative.end();
    if (outside) throw Error(Code::Data, folder.string() + ": names the file '" + name + "'");
    if (!fs::exists(folder / name)) {
      throw Error(Code::Data, (folder / name).string() + ": missing from the bundle",
                  "take the bundle from where it was made again");
    }
    if (const std::string found = sha256_of_file(folder / name); found != digest) {
      throw Error(Code::Data,
                  (folder / name).string() + ": SHA-256 " + found.substr(0, 12) + ".. found, " +
                      digest.substr(0, 12) + ".. expected: the file was changed",
                  "take the bundle from where it was made again");
    }
  }
}

FusionOptions fusion_options(const BundleInfo& info) {
  FusionOptions options;
  options.task = info.task;
  options.threshold = info.threshold;
  options.top_k = info.top_k;
  for (const BundleMember& member : info.members) {
    options.members.push_back({member.name, member.parameters, member.layers});
  }
  return options;
}

}  // namespace

struct Bundle::Impl {
  Path folder;
  BundleInfo info;
  Store store;
  std::unique_ptr<FusionRule> rule;
};

Bundle::Bundle(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Bundle::Bundle(Bundle&&) noexcept = default;
Bundle& Bundle::operator=(Bundle&&) noexcept = default;
Bundle::~Bundle() = default;

void Bundle::save(const BundleInfo& info, const BundleSources& sources, const Path& folder) {
  if (fs::exists(folder)) {
    throw Error(Code::Io, "the bundle " + folder.string() + " exists", "remove it first");
  }
  const TemporaryFolder temporary(folder);
  make_folder(temporary.path() / "members");
  for (const BundleMember& member : info.members) {
    copy_all(sources.members / member.name / "model", temporary.path() / "members" / member.name);
  }
  write_training_store(Store::open(sources.store), temporary.path() / kItems);
  write_file(temporary.path() / "README.md", bundle_readme(info));
  FileDigests digests;
  for (const std::string& name : files_in(temporary.path())) {
    digests[name] = sha256_of_file(temporary.path() / name);
  }
  write_file(temporary.path() / kBundleJson, bundle_text(info, digests));
  publish_folder(temporary.path(), folder);
}

Bundle Bundle::open(const Path& folder) {
  const std::string text = read_file(folder / kBundleJson, kLargestJson);
  FileDigests files;
  BundleInfo info = parse_bundle(text, (folder / kBundleJson).string(), files);
  check_files(folder, files);
  auto rule = make_rule(info.rule, fusion_options(info));
  rule->restore(info.rule_state);
  return Bundle(std::unique_ptr<Impl>(
      new Impl{folder, std::move(info), Store::open(folder / kItems), std::move(rule)}));
}

const BundleInfo& Bundle::info() const noexcept { return impl_->info; }
const Store& Bundle::store() const noexcept { return impl_->store; }

std::vector<double> Bundle::score_members(std::span<const UserItem> pairs) const {
  const auto single = make_single_communicator();
  std::vector<double> out;
  out.reserve(impl_->info.members.size() * pairs.size());
  for (const BundleMember& member : impl_->info.members) {
    const ModelAndTokenizer made = load_model(impl_->folder / "members" / member.name);
    const auto head = HeadRegistry::make(member.head, member.head_options);
    const auto view = pair_view(impl_->store, {pairs.begin(), pairs.end()}, member.data);
    const auto tokens = tokenise_for(*made.model, *view, *made.tokenizer, member.max_length);
    const ScoringOptions options{ScoringOptions{}.batch_tokens, member.bf16};
    const std::vector<float> logits =
        predict(*single, *made.model, tokens, options.batch_tokens, options.bf16);
    std::vector<double> scores(pairs.size());
    head->scores(logits, scores);
    out.insert(out.end(), scores.begin(), scores.end());
  }
  return out;
}

std::vector<double> Bundle::fuse(std::span<const UserItem> pairs,
                                 std::span<const double> member_scores) const {
  TUTTI_ASSERT(member_scores.size() == pairs.size() * impl_->info.members.size(),
               "a score a member and pair");
  std::vector<std::int32_t> users;
  users.reserve(pairs.size());
  for (const UserItem& pair : pairs) users.push_back(pair.user);
  Scores scores;
  scores.values = member_scores;
  scores.user = users;
  scores.members = static_cast<int>(impl_->info.members.size());
  scores.rows = static_cast<std::int64_t>(pairs.size());
  std::vector<double> out(pairs.size());
  impl_->rule->fuse(scores, out);
  return out;
}

std::string read_bundle_json(const Path& folder) {
  std::string text = read_file(folder / kBundleJson, kLargestJson);
  FileDigests files;
  parse_bundle(text, (folder / kBundleJson).string(), files);
  return text;
}

}  // namespace tutti
