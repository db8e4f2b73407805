#include "tutti/launch/links.hpp"
#include "tutti/train/comm/mpi.hpp"

#include <utility>

namespace tutti {

namespace {

// On rank 0 only the coordinator reads from MPI, so nothing meant for it can reach the worker.
class MpiCoordinator : public CoordinatorLink {
 public:
  MpiCoordinator(MpiWorld& world, std::unique_ptr<CoordinatorLink> local)
      : world_(world), local_(std::move(local)) {}
  void send(int rank, const JobMessage& message) override {
    if (rank == 0) {
      local_->send(0, message);
    } else {
      world_.send(rank, to_json(message));
    }
  }
  std::optional<JobMessage> try_receive() override {
    if (auto message = local_->try_receive()) return message;
    const auto got = world_.try_receive();
    if (!got) return std::nullopt;
    return message_from_json(got->bytes);
  }

 private:
  MpiWorld& world_;
  std::unique_ptr<CoordinatorLink> local_;
};

class MpiWorker : public WorkerLink {
 public:
  explicit MpiWorker(MpiWorld& world) : world_(world) {}
  void send(const JobMessage& message) override { world_.send(0, to_json(message)); }
  std::optional<JobMessage> try_receive() override {
    const auto got = world_.try_receive();
    if (!got) return std::nullopt;
    return message_from_json(got->bytes);
  }

 private:
  MpiWorld& world_;
};

}  // namespace

Links make_mpi_links(MpiWorld& world) {
  Links links;
  if (world.rank() == 0) {
    links = make_local_links(1);
    links.coordinator = std::make_unique<MpiCoordinator>(world, std::move(links.coordinator));
  } else {
    links.workers.push_back(std::make_unique<MpiWorker>(world));
  }
  return links;
}

}  // namespace tutti
