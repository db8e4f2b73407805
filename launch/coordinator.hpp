#pragma once

#include "tutti/launch/links.hpp"
#include "tutti/launch/messages.hpp"
#include "tutti/launch/scheduler.hpp"

#include <functional>
#include <string>
#include <vector>

namespace tutti {

/// Hands members to ranks that say Hello until every member has an outcome and every rank is free
/// again. Runs on rank 0, in a thread beside that rank's own worker. Returns the outcomes [member].
/// `on_progress` is called on this thread, with a group's progress, or with nullptr now and then.
std::vector<Done> coordinate(CoordinatorLink& link, const std::vector<Demand>& members, int ranks,
                             const std::function<void(const Progress*)>& on_progress,
                             const std::function<void(const Done&)>& on_outcome);

/// One rank: says Hello, trains what it is assigned, and so on until Stop, whose code it returns.
/// `train` is called on every rank of a group; the outcome of its first rank counts.
int work(WorkerLink& link, int rank, const std::string& host,
         const std::function<Done(const Assign&)>& train);

}  // namespace tutti
