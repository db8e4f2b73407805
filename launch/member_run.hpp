#pragma once

#include "tutti/data/files.hpp"
#include "tutti/launch/config.hpp"
#include "tutti/launch/messages.hpp"

#include <functional>

namespace tutti {

class Communicator;
class Store;

/// Trains one member from the store and leaves members/<name>: model/ (a Hugging Face folder),
/// predictions.h5, metrics.jsonl and log.txt, written by the first rank of the group.
///
/// Collective: every rank of the group calls it. A member that fails gives an Done with its
/// reason, on all ranks alike. Throws only what ends the job: a broken transport.
Done run_member(const Config& config, int member, const Store& store, Communicator& group,
                const Path& members_folder,
                const std::function<void(const Progress&)>& on_progress);

/// The head's options that a member of this config has; its head is made from them.
struct HeadOptions head_options(const Config& config, const MemberConfig& member);

}  // namespace tutti
