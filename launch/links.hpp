#pragma once

#include "tutti/launch/messages.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace tutti {

class MpiWorld;

/// The coordinator's end of the wire. Safe for several threads.
class CoordinatorLink {
 public:
  virtual ~CoordinatorLink() = default;
  virtual void send(int rank, const JobMessage& message) = 0;
  virtual std::optional<JobMessage> try_receive() = 0;
};

/// A worker's end. Safe for several threads.
class WorkerLink {
 public:
  virtual ~WorkerLink() = default;
  virtual void send(const JobMessage& message) = 0;
  virtual std::optional<JobMessage> try_receive() = 0;
};

struct Links {
  std::unique_ptr<CoordinatorLink> coordinator;      ///< on rank 0
  std::vector<std::unique_ptr<WorkerLink>> workers;  ///< this process's; threads have several
};

/// `ranks` workers in this process: one without MPI, more in tests.
Links make_local_links(int ranks);

/// Between the ranks of a job; rank 0 talks to its own worker without MPI. `world` must outlive it.
Links make_mpi_links(MpiWorld& world);

}  // namespace tutti
