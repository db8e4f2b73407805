#include "tutti/launch/member_tokens.hpp"

#include "tutti/data/error.hpp"
#include "tutti/data/tokens_file.hpp"

#include <filesystem>
#include <utility>

namespace tutti {

// Which file, and with which view it is made.
struct MemberTokens::Shared {
  Path file;
  std::string key;
  MemberData data;        // of the rows in the file
  bool all_rows = false;  // more than the member's: they are found by row
};

MemberTokens::MemberTokens(Path folder, const Store& store, const MemberConfig& member,
                           std::uint64_t seed, const Tokenizer& tokenizer)
    : folder_(std::move(folder)),
      store_(store),
      member_(member),
      seed_(seed),
      tokenizer_(tokenizer) {}

MemberTokens::Shared MemberTokens::shared(const Dataset& view, Part part) const {
  Shared out;
  out.data = member_.data;
  const bool augmented =
      out.data.crop_history > 0 || out.data.shuffle_history > 0 || out.data.drop_field > 0;
  out.all_rows = part == Part::Train && !augmented &&
                 2 * view.size() >= static_cast<Row>(store_.rows(Part::Train).size());
  if (out.all_rows) {
    const MemberData texts = member_.data;
    out.data = {};
    out.data.history = texts.history;
    out.data.fields = texts.fields;
    out.data.user_fields = texts.user_fields;
    out.data.statistics = texts.statistics;
    out.data.share_history = texts.share_history;
  }
  out.key =
      tokens_key(store_, part, out.data, seed_, member_.name, tokenizer_, member_.train.max_length);
  out.file = folder_ / (out.key.substr(0, 32) + ".h5");
  return out;
}

void MemberTokens::prepare(const Dataset& view, Part part) const {
  const Shared to = shared(view, part);
  if (std::filesystem::exists(to.file)) return;
  make_folder(folder_);
  if (to.all_rows) {
    const auto all = training_view(store_, to.data, seed_, member_.name);
    TokensFile::write(to.file, to.key, *all, tokenizer_, member_.train.max_length);
  } else {
    TokensFile::write(to.file, to.key, view, tokenizer_, member_.train.max_length);
  }
}

std::vector<Tokens> MemberTokens::read(const Dataset& view, Part part) const {
  const Shared from = shared(view, part);
  std::vector<Tokens> out;
  out.reserve(static_cast<std::size_t>(view.size()));
  if (!std::filesystem::exists(from.file)) {
    for (Row i = 0; i < view.size(); ++i) {
      out.push_back(tokenise(view.get(i), tokenizer_, member_.train.max_length));
    }
    return out;
  }
  const TokensFile file(from.file, from.key);
  for (Row i = 0; i < view.size(); ++i) {
    const Row at = from.all_rows ? file.find(view.get(i).row) : i;
    TUTTI_ASSERT(at >= 0 && at < file.size(), "the file has all rows of the view");
    out.push_back(file.get(at));
  }
  return out;
}

}  // namespace tutti
