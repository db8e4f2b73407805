#include "tutti/data/predictions.hpp"

#include "tutti/data/error.hpp"
#include "tutti/data/hdf5.hpp"

#include <charconv>
#include <span>
#include <utility>

namespace tutti {

namespace {

constexpr const char* kFormat = "tutti-predictions";
constexpr const char* kVersion = "1";

void write_set(Hdf5Writer& out, const std::string& group, const PredictionSet& set) {
  const std::size_t size = set.size();
  TUTTI_ASSERT(
      set.user.size() == size && set.item.size() == size && set.label.size() == size &&
          set.score.size() == size && set.outputs > 0 &&
          (set.logits.empty() || set.logits.size() == size * static_cast<std::size_t>(set.outputs)),
      "predictions of one length: " + group);
  out.write<std::int64_t>(group + "/row", set.row);
  out.write<std::int32_t>(group + "/user", set.user);
  out.write<std::int32_t>(group + "/item", set.item);
  out.write<double>(group + "/label", set.label);
  out.write<float>(group + "/logits", set.logits, set.outputs);
  out.write<double>(group + "/score", set.score);
  out.attribute(group, "outputs", std::to_string(set.outputs));
}

PredictionSet read_set(const Hdf5Reader& in, const std::string& group, const Path& file) {
  PredictionSet set;
  set.row = in.read<std::int64_t>(group + "/row");
  set.user = in.read<std::int32_t>(group + "/user");
  set.item = in.read<std::int32_t>(group + "/item");
  set.label = in.read<double>(group + "/label");
  set.logits = in.read<float>(group + "/logits");
  set.score = in.read<double>(group + "/score");
  const std::string outputs = in.attribute(group, "outputs");
  const auto [stop, error] =
      std::from_chars(outputs.data(), outputs.data() + outputs.size(), set.outputs);
  if (error != std::errc() || stop != outputs.data() + outputs.size() || set.outputs < 1) {
    throw Error(Code::Data,
                file.string() + ": " + group + ": attribute outputs is '" + outputs + "'",
                "a number of at least 1 is expected");
  }
  const auto expect = [&](const char* name, std::size_t found, std::size_t expected) {
    if (found == expected) return;
    throw Error(Code::Data, file.string() + ": " + group + "/" + name + " has " +
                                std::to_string(found) + " values, " + std::to_string(expected) +
                                " expected");
  };
  expect("user", set.user.size(), set.size());
  expect("item", set.item.size(), set.size());
  expect("label", set.label.size(), set.size());
  expect("score", set.score.size(), set.size());
  if (!set.logits.empty()) {
    expect("logits", set.logits.size(), set.size() * static_cast<std::size_t>(set.outputs));
  }
  return set;
}

}  // namespace

void write_predictions(const Path& file, const Predictions& predictions) {
  Hdf5Writer out;
  write_set(out, "/validation", predictions.validation);
  write_set(out, "/test", predictions.test);
  out.attribute("/", "format", kFormat);
  out.attribute("/", "version", kVersion);
  out.attribute("/", "member", predictions.member);
  out.attribute("/", "head", predictions.head);
  out.save(file);
}

Predictions read_predictions(const Path& file) {
  const Hdf5Reader in(file);
  if (!in.has("/validation/row") || in.attribute("/", "format") != kFormat) {
    throw Error(Code::Data, "no predictions in " + file.string(),
                "a file that tutti wrote as predictions.h5 is expected");
  }
  const std::string version = in.attribute("/", "version");
  if (version != kVersion) {
    throw Error(Code::Data,
                file.string() + ": format version " + version + ", " + kVersion + " expected");
  }
  Predictions predictions;
  predictions.member = in.attribute("/", "member");
  predictions.head = in.attribute("/", "head");
  predictions.validation = read_set(in, "/validation", file);
  predictions.test = read_set(in, "/test", file);
  return predictions;
}

}  // namespace tutti
