#include "tutti/launch/links.hpp"

#include <deque>
#include <mutex>
#include <string>
#include <utility>

namespace tutti {

namespace {

class Queue {
 public:
  void push(std::string text) {
    const std::lock_guard<std::mutex> hold(mutex_);
    texts_.push_back(std::move(text));
  }
  std::optional<std::string> pop() {
    const std::lock_guard<std::mutex> hold(mutex_);
    if (texts_.empty()) return std::nullopt;
    std::string text = std::move(texts_.front());
    texts_.pop_front();
    return text;
  }

 private:
  std::mutex mutex_;
  std::deque<std::string> texts_;
};

// Queues of the workers in this process, and of the coordinator.
struct Hub {
  explicit Hub(int ranks) : workers(static_cast<std::size_t>(ranks)) {}
  Queue coordinator;
  std::vector<Queue> workers;
};

std::optional<JobMessage> parsed(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return message_from_json(*text);
}

class LocalWorker : public WorkerLink {
 public:
  LocalWorker(std::shared_ptr<Hub> hub, std::size_t rank) : hub_(std::move(hub)), rank_(rank) {}
  void send(const JobMessage& message) override { hub_->coordinator.push(to_json(message)); }
  std::optional<JobMessage> try_receive() override { return parsed(hub_->workers[rank_].pop()); }

 private:
  std::shared_ptr<Hub> hub_;
  std::size_t rank_;
};

class LocalCoordinator : public CoordinatorLink {
 public:
  explicit LocalCoordinator(std::shared_ptr<Hub> hub) : hub_(std::move(hub)) {}
  void send(int rank, const JobMessage& message) override {
    hub_->workers[static_cast<std::size_t>(rank)].push(to_json(message));
  }
  std::optional<JobMessage> try_receive() override { return parsed(hub_->coordinator.pop()); }

 private:
  std::shared_ptr<Hub> hub_;
};

}  // namespace

Links make_local_links(int ranks) {
  const auto hub = std::make_shared<Hub>(ranks);
  Links links;
  links.coordinator = std::make_unique<LocalCoordinator>(hub);
  for (int rank = 0; rank < ranks; ++rank) {
    links.workers.push_back(std::make_unique<LocalWorker>(hub, static_cast<std::size_t>(rank)));
  }
  return links;
}

}  // namespace tutti
