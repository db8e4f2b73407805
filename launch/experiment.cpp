#include "tutti/launch/experiment.hpp"

#include "tutti/data/error.hpp"
#include "tutti/data/store.hpp"
#include "tutti/launch/command.hpp"
#include "tutti/launch/config.hpp"
#include "tutti/launch/coordinator.hpp"
#include "tutti/launch/ensemble_stage.hpp"
#include "tutti/launch/member_run.hpp"
#include "tutti/launch/plan.hpp"
#include "tutti/launch/preflight.hpp"
#include "tutti/launch/progress.hpp"
#include "tutti/launch/run_folder.hpp"
#include "tutti/launch/run_record.hpp"
#include "tutti/launch/threads.hpp"
#include "tutti/train/comm/mpi.hpp"
#include "tutti/train/communicator.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

namespace tutti {

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// One rank's part of a run.
class Experiment {
 public:
  explicit Experiment(ExperimentOptions options)
      : options_(std::move(options)),
        world_(launched_ranks() > 1 ? std::make_unique<MpiWorld>() : nullptr),
        everyone_(world_ ? world_->world() : make_single_communicator()),
        rank_(everyone_->rank()),
        ranks_(everyone_->world_size()) {}

  int run() {
    together([&] { config_ = load_config(options_.config, options_.overrides); });
    compare_configs();
    together([&] { check_ranks(config_, ranks_); });
    place();
    together([&] {
      if (rank_ == 0) check_members(config_);
    });
    // What fails until here has written nothing.
    together([&] {
      if (rank_ == 0) take_folder();
    });
    try {
      prepare();
    } catch (...) {
      if (folder_) folder_->abandon();
      throw;
    }
    try {
      return rank_ == 0 ? lead() : follow();
    } catch (const std::exception& error) {
      if (!world_) throw;
      end_job(error);
    }
  }

 private:
  // The others wait for this rank and cannot know what it met.
  [[noreturn]] void end_job(const std::exception& error) {
    print_error("rank " + std::to_string(rank_) + " on " + world_->host() + ": " + error.what());
    folder_.reset();
    world_->abort(static_cast<int>(code_of(error)));
  }

  // All ranks do it, and throw the same Error where one failed.
  template <class Work>
  void together(Work work) {
    try {
      agree_on(*everyone_, work);
    } catch (const Error& error) {
      // Rank 0 speaks for the job: what it meets is not a matter of ranks to the reader.
      const std::string text = error.what();
      const std::string first = "rank 0: ";
      if (text.rfind(first, 0) != 0) throw;
      throw Error(error.code(), text.substr(first.size()));
    }
  }

  void compare_configs() {
    const auto digests = all_gather_strings(*everyone_, sha256(write_config(config_)));
    for (std::size_t r = 1; r < digests.size(); ++r) {
      if (digests[r] != digests[0]) {
        throw Error(Code::Config,
                    "rank " + std::to_string(r) + " reads another config than rank 0 from " +
                        options_.config.string(),
                    "put the same file on every host");
      }
    }
  }

  // CPUs and threads, before a thread is made.
  void place() {
    std::vector<Place> places;
    for (const std::string& text : all_gather_strings(*everyone_, place_text(this_place()))) {
      places.push_back(parse_place(text));
    }
    const auto me = static_cast<std::size_t>(rank_);
    threads_ = config_.train.threads > 0 ? config_.train.threads : threads_of(places, me);
    // Ranks of one member must compute with as many threads: sums of gradients would differ in
    // bits.
    for (const std::string& other : all_gather_strings(*everyone_, std::to_string(threads_))) {
      threads_ = std::min(threads_, std::stoi(other));
    }
    const std::vector<Cpu> cpus = cpus_of(places, me);
    if (cpus.size() >= static_cast<std::size_t>(threads_)) keep_to(cpus);
    set_threads(threads_);
    config_.train.threads = threads_;
  }

  void take_folder() {
    Path path = options_.output;
    if (path.empty()) path = config_.experiment.output;
    if (path.empty()) path = Path("runs") / config_.experiment.name;
    folder_ = std::make_unique<RunFolder>(path, options_.fresh);
  }

  void prepare() {
    const auto begin = Clock::now();
    std::string path;
    together([&] {
      if (rank_ != 0) return;
      path = std::filesystem::absolute(folder_->path()).string();
      record_.cleaning =
          build_store(resolved_data(config_), config_.experiment.seed, Path(path) / "dataset.h5");
    });
    path_ = all_gather_strings(*everyone_, path)[0];
    together([&] { store_.emplace(Store::open(path_ / "dataset.h5")); });
    together([&] {
      if (rank_ != 0) return;
      plan_ = make_plan(config_, estimate_members(config_, *store_), ranks_);
      std::cerr << "data: " << cleaning_text(record_.cleaning) << "\n"
                << plan_table(config_, plan_);
      const std::string text = write_config(config_);
      write_file(path_ / "config.toml", text);
      make_folder(path_ / "members");
      record_.config_sha256 = sha256(text);
      record_.fingerprint = store_->fingerprint();
      record_.ranks = ranks_;
      record_.threads = threads_;
      record_.host = host_name();
      record_.data_seconds = since(begin);
      write_record(path_ / "run.json", config_, record_);
    });
  }

  Done train_member(const Assign& assign, WorkerLink& link) {
    const std::unique_ptr<Communicator> group =
        world_ && assign.ranks.size() > 1
            ? world_->create_group(assign.ranks, assign.serial % kTags)
            : make_single_communicator();
    const bool leads = group->rank() == 0;
    Done done = run_member(config_, assign.member, *store_, *group, path_ / "members",
                           [&](const Progress& progress) {
                             if (leads) link.send(progress);
                           });
    done.ranks = assign.ranks;
    return done;
  }

  int follow() {
    const Links links = make_mpi_links(*world_);
    WorkerLink& link = *links.workers[0];
    return work(link, rank_, world_->host(),
                [&](const Assign& assign) { return train_member(assign, link); });
  }

  int lead() {
    const auto begin = Clock::now();
    const Links links = world_ ? make_mpi_links(*world_) : make_local_links(1);
    record_.members = train_all(links);
    record_.training_seconds = since(begin);
    double busy = 0;
    for (const Done& done : record_.members) {
      busy += done.seconds * static_cast<double>(done.ranks.size());
    }
    record_.idle = std::max(0.0, 1 - busy / (record_.training_seconds * ranks_));
    std::cerr << "ranks idle " << std::lround(100 * record_.idle)
              << "% of the time while members trained\n";
    const int code = finish();
    for (int rank = 1; rank < ranks_; ++rank) links.coordinator->send(rank, Stop{code});
    return code;
  }

  std::vector<Done> train_all(const Links& links) {
    std::vector<Demand> demands(config_.members.size());
    for (const PlannedMember& member : plan_.members) {
      demands[static_cast<std::size_t>(member.member)] = {member.ranks, member.work / member.ranks};
    }
    std::vector<std::string> names;
    names.reserve(config_.members.size());
    for (const MemberConfig& member : config_.members) names.push_back(member.name);
    ProgressDisplay display(names);
    std::vector<Done> done;
    std::exception_ptr failed;
    std::thread coordinator([&] {
      try {
        done = coordinate(
            *links.coordinator, demands, ranks_,
            [&](const Progress* progress) { display.update(progress); },
            [&](const Done& one) { display.done(one); });
      } catch (...) {
        failed = std::current_exception();
      }
      links.coordinator->send(0, Stop{0});
    });
    WorkerLink& link = *links.workers[0];
    try {
      work(link, 0, record_.host, [&](const Assign& assign) { return train_member(assign, link); });
    } catch (const std::exception& error) {
      // The coordinator would wait for ever for this rank's outcome.
      if (world_) end_job(error);
      print_error(error.what());
      std::_Exit(static_cast<int>(Code::Internal));
    }
    coordinator.join();
    display.close();
    if (failed) std::rethrow_exception(failed);
    return done;
  }

  int finish() {
    const auto begin = Clock::now();
    const auto trained = std::count_if(record_.members.begin(), record_.members.end(),
                                       [](const Done& done) { return done.trained; });
    const auto all = static_cast<std::ptrdiff_t>(record_.members.size());
    if (trained < std::max(1, config_.ensemble.min_members)) {
      record_.state = "quorum";
      write_record(path_ / "run.json", config_, record_);
      std::string cause;
      for (const Done& done : record_.members) {
        if (!done.trained && cause.empty()) cause = done.reason;
      }
      print_error(std::to_string(trained) + " of " + std::to_string(all) +
                  " members usable, min_members is " +
                  std::to_string(config_.ensemble.min_members) + "; first cause: " + cause);
      return static_cast<int>(Code::Quorum);
    }
    const EnsembleResult result = run_ensemble_stage(config_, record_, *store_, path_);
    record_.state = trained < all ? "partial" : "done";
    record_.ensemble_seconds = since(begin);
    write_record(path_ / "run.json", config_, record_);
    std::cout << result.table << "report: " << (path_ / "report.html").string()
              << "\nbundle: " << (path_ / "bundle").string() << "\n"
              << std::flush;
    return trained < all ? static_cast<int>(Code::Partial) : 0;
  }

  static constexpr int kTags = 32768;

  ExperimentOptions options_;
  std::unique_ptr<MpiWorld> world_;
  std::unique_ptr<Communicator> everyone_;
  int rank_;
  int ranks_;
  Config config_;
  int threads_ = 1;
  std::unique_ptr<RunFolder> folder_;
  Path path_;
  std::optional<Store> store_;
  Plan plan_;
  RunRecord record_;
};

}  // namespace

int run_experiment(const ExperimentOptions& options) { return Experiment(options).run(); }

}  // namespace tutti
