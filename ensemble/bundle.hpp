#pragma once

#include "tutti/data/data_options.hpp"
#include "tutti/data/files.hpp"
#include "tutti/data/store.hpp"
#include "tutti/train/head.hpp"

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tutti {

/// What a bundle must know to use one member.
struct BundleMember {
  std::string name;
  std::string kind = "cross";  ///< cross | two-tower
  std::string head;
  HeadOptions head_options;
  int max_length = 128;
  bool bf16 = false;
  double parameters = 0;
  double layers = 0;
  MemberData data;  ///< how a pair is put as text
};

/// bundle.json, but for the digests of files.
struct BundleInfo {
  std::string name;
  std::string task;
  std::vector<BundleMember> members;  ///< in the order of the weights
  std::string rule;                   ///< fusion rule
  std::string rule_state;             ///< JSON, as FusionRule::state gives it
  std::vector<double> weights;        ///< of a linear rule; empty for others
  double threshold = 0.5;
  int top_k = 10;
  std::string metrics = "{}";  ///< JSON: protocol names to values on test
  std::vector<std::pair<std::string, std::string>> provenance;
};

/// What `save` packs beside the info.
struct BundleSources {
  Path members;  ///< members/<name>/model are Hugging Face folders
  Path store;    ///< dataset.h5: its training rows alone go along
};

/// A trained ensemble in one folder: bundle.json, members/<name> (Hugging Face folders), items.h5,
/// README.md.
class Bundle {
 public:
  /// Writes `folder` (which must not exist) whole or not at all: a reader never sees half a bundle.
  /// Equal inputs give equal bytes. Throws Error(Io).
  static void save(const BundleInfo& info, const BundleSources& sources, const Path& folder);

  /// Checks SHA-256 of every file before anything in it is parsed; no key in it names code or a
  /// path outside. Throws Error(Data) naming the file, expected and found; Error(Io).
  static Bundle open(const Path& folder);
  Bundle(Bundle&&) noexcept;
  Bundle& operator=(Bundle&&) noexcept;
  ~Bundle();

  [[nodiscard]] const BundleInfo& info() const noexcept;
  [[nodiscard]] const Store& store() const noexcept;

  /// [member][pair] each member's scores. One model at a time is in memory.
  [[nodiscard]] std::vector<double> score_members(std::span<const UserItem> pairs) const;
  /// [pair] the members' scores of pairs, fused: what the run gave for the same rows, to 1e-6 (the
  /// batches differ).
  [[nodiscard]] std::vector<double> fuse(std::span<const UserItem> pairs,
                                         std::span<const double> member_scores) const;

 private:
  struct Impl;
  explicit Bundle(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// bundle.json of a bundle, its own digest checked, as text. Throws Error(Data), Error(Io).
std::string read_bundle_json(const Path& folder);

}  // namespace tutti
