#include "tutti/data/tokens_file.hpp"

#include "tutti/data/error.hpp"
#include "tutti/data/hdf5.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <vector>

namespace tutti {

namespace {

constexpr const char* kFormat = "tutti-tokens";

template <class T>
void add(Sha256& digest, const Column<T>& column) {
  std::vector<T> block;
  for (std::size_t first = 0; first < column.size(); first += Column<T>::kBlock) {
    block.resize(std::min(Column<T>::kBlock, column.size() - first));
    column.read(first, block);
    digest.update(block.data(), block.size() * sizeof(T));
  }
}

}  // namespace

Tokens tokenise(const Example& example, const Tokenizer& tokenizer, std::int32_t max_length) {
  Tokens tokens;
  tokens.row = example.row;
  tokens.user = example.user;
  tokens.label = example.label;
  tokens.encoding = example.text.empty()
                        ? tokenizer.encode_pair(example.text_pair, {}, max_length)
                        : tokenizer.encode_pair(example.text, example.text_pair, max_length);
  return tokens;
}

void TokensFile::write(const Path& file, const std::string& key, const Dataset& examples,
                       const Tokenizer& tokenizer, std::int32_t max_length) {
  Column<Row> rows;
  Column<std::int32_t> users;
  Column<double> labels;
  Column<std::int64_t> offsets = {0};
  Column<TokenId> ids;
  Column<std::uint8_t> types;
  for (Row i = 0; i < examples.size(); ++i) {
    const Tokens tokens = tokenise(examples.get(i), tokenizer, max_length);
    rows.push_back(tokens.row);
    users.push_back(tokens.user);
    labels.push_back(tokens.label);
    for (const TokenId id : tokens.encoding.ids) ids.push_back(id);
    for (const std::int32_t type : tokens.encoding.types) {
      types.push_back(static_cast<std::uint8_t>(type));
    }
    offsets.push_back(static_cast<std::int64_t>(ids.size()));
  }
  TUTTI_ASSERT(types.size() == ids.size(), "a type a token");
  Sha256 digest;
  Hdf5Writer out(file);
  const auto put = [&](const char* name, const auto& column) {
    add(digest, column);
    out.write_column(name, column);
  };
  put("/row", rows);
  put("/user", users);
  put("/label", labels);
  put("/offset", offsets);
  put("/id", ids);
  put("/type", types);
  out.attribute("/", "format", kFormat);
  out.attribute("/", "key", key);
  out.attribute("/", "digest", digest.hex());
  out.save(file);
}

TokensFile::TokensFile(const Path& file, const std::string& key) {
  const Hdf5Reader in(file);
  if (!in.has("/type") || in.attribute("/", "format") != kFormat ||
      in.attribute("/", "key") != key) {
    throw Error(Code::Data, file.string() + " does not hold the tokens that are wanted",
                "remove it: it is made again");
  }
  rows_ = in.column<Row>("/row");
  users_ = in.column<std::int32_t>("/user");
  labels_ = in.column<double>("/label");
  offsets_ = in.column<std::int64_t>("/offset");
  ids_ = in.column<TokenId>("/id");
  types_ = in.column<std::uint8_t>("/type");
  Sha256 digest;
  add(digest, rows_);
  add(digest, users_);
  add(digest, labels_);
  add(digest, offsets_);
  add(digest, ids_);
  add(digest, types_);
  if (digest.hex() != in.attribute("/", "digest") || offsets_.size() != rows_.size() + 1 ||
      types_.size() != ids_.size()) {
    throw Error(Code::Data, "the tokens in " + file.string() + " are not those of its digest",
                "remove it: it is made again");
  }
}

std::int32_t TokensFile::length(Row index) const {
  const auto at = static_cast<std::size_t>(index);
  return static_cast<std::int32_t>(offsets_[at + 1] - offsets_[at]);
}

Row TokensFile::find(Row row) const {
  std::size_t low = 0;
  std::size_t high = rows_.size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (rows_[middle] < row) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < rows_.size() && rows_[low] == row ? static_cast<Row>(low) : -1;
}

Tokens TokensFile::get(Row index) const {
  const auto at = static_cast<std::size_t>(index);
  Tokens tokens;
  tokens.row = rows_[at];
  tokens.user = users_[at];
  tokens.label = labels_[at];
  const auto begin = static_cast<std::size_t>(offsets_[at]);
  const std::size_t size = static_cast<std::size_t>(offsets_[at + 1]) - begin;
  tokens.encoding.ids.resize(size);
  ids_.read(begin, tokens.encoding.ids);
  std::vector<std::uint8_t> types(size);
  types_.read(begin, types);
  tokens.encoding.types.assign(types.begin(), types.end());
  return tokens;
}

std::string tokens_key(const Store& store, Part part, const MemberData& options, std::uint64_t seed,
                       const std::string& member, const Tokenizer& tokenizer,
                       std::int32_t max_length) {
  nlohmann::ordered_json json = {
      {"store", store.fingerprint()},     {"part", static_cast<int>(part)},
      {"history", options.history},       {"share_history", options.share_history},
      {"fields", options.fields},         {"user_fields", options.user_fields},
      {"statistics", options.statistics}, {"tokenizer", tokenizer.digest()},
      {"max_length", max_length}};
  if (part == Part::Train) {
    json["segment"] = options.segment;
    json["time"] = {options.from_time, options.to_time};
    json["last"] = options.last;
    if (options.fold != -1) json["fold"] = {options.fold, options.of, seed};
    json["drawn"] = {options.fraction, static_cast<double>(options.max_examples),
                     options.bootstrap ? 1.0 : 0.0};
    json["augmented"] = {options.crop_history, options.shuffle_history, options.drop_field};
    const bool by_name = options.fraction != 1.0 || options.max_examples != 0 ||
                         options.bootstrap || options.crop_history > 0 ||
                         options.shuffle_history > 0 || options.drop_field > 0;
    if (by_name) json["draw"] = {std::to_string(seed), member};
  }
  return sha256(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace tutti
