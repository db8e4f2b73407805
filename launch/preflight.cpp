#include "tutti/launch/preflight.hpp"

#include "tutti/data/error.hpp"
#include "tutti/data/tokenizer.hpp"
#include "tutti/launch/member_run.hpp"
#include "tutti/train/head.hpp"

#include <set>
#include <tuple>

namespace tutti {

BackboneOptions resolved_backbone(const MemberConfig& member) {
  BackboneOptions backbone = member.backbone;
  backbone.folder = resolve_path(backbone.folder).string();
  backbone.tokenizer = resolve_path(backbone.tokenizer).string();
  return backbone;
}

void check_members(const Config& config) {
  // Members often share a folder: it is opened once for each shape in which it is used.
  std::set<std::tuple<std::string, int, int>> seen;
  for (const MemberConfig& member : config.members) {
    try {
      const auto head = HeadRegistry::make(member.head, head_options(config, member));
      const BackboneOptions backbone = resolved_backbone(member);
      // Without a folder, only a vocabulary that is still to be learned cannot be had yet.
      if (backbone.folder.empty() && backbone.tokenizer == "train") continue;
      const std::string& source =
          backbone.folder.empty() ? member.name : backbone.folder;  // own shapes: own names
      if (!seen.insert({source, backbone.layers, head->num_labels()}).second) continue;
      make_model(backbone, head->num_labels(), head->problem_type(), 0, {});
    } catch (const Error& error) {
      throw Error(error.code(), "member '" + member.name + "': " + error.what());
    }
  }
}

}  // namespace tutti
