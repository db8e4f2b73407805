#pragma once

#include "tutti/train/communicator.hpp"

#include <chrono>
#include <memory>

namespace tutti {

/// A group whose tensors on CUDA device `device` are summed, gathered, broadcast and sent by NCCL;
/// all else (tensors of the host, all_gather, barrier) goes over `control`, the
/// group that it is made from and now owns. Works on a stream of its own, after what the current
/// one has been given. Sums of bfloat16 are NCCL's: rounded at each rank. Collective.
///
/// Throws Error(Config) "built without NCCL" or "no CUDA device on this host"; Error(Resumable)
/// for a failure or a time-out of NCCL, after which the group cannot be used.
std::unique_ptr<Communicator> make_nccl_communicator(
    std::unique_ptr<Communicator> control, int device,
    std::chrono::milliseconds timeout = std::chrono::minutes(30));

}  // namespace tutti
