#pragma once

#include "tutti/launch/config.hpp"

namespace tutti {

/// Opens what members start from, before anything is written or trained: model folders with their
/// weights and tokenizers, and heads. A broken file is found in seconds, not when its member's turn
/// comes. Throws Error naming the member.
void check_members(const Config& config);

/// The options that make_model takes: folders in the cache resolved.
BackboneOptions resolved_backbone(const MemberConfig& member);

}  // namespace tutti
