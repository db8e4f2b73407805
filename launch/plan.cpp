#include "tutti/launch/plan.hpp"

#include "tutti/data/error.hpp"
#include "tutti/launch/scheduler.hpp"

#include <algorithm>
#include <cstdio>

namespace tutti {

namespace {

double work_of(const MemberConfig& member, const MemberEstimate& e) {
  const double tokens = e.training_rows * e.tokens;
  double epochs = member.train.epochs;
  if (member.train.max_steps > 0 && tokens > 0) {
    const double per_step = member.train.batch_examples > 0
                                ? static_cast<double>(member.train.batch_examples) * e.tokens
                                : static_cast<double>(member.train.batch_tokens);
    epochs = std::min(epochs, static_cast<double>(member.train.max_steps) * per_step / tokens);
  }
  double work = 6 * e.layer_parameters * tokens * epochs;
  if (member.pretrain.objective != "none") {
    // The output layer is the embedding again: every predicted token passes through it.
    const double predicted = member.pretrain.objective == "mlm" ? member.pretrain.mask : 1.0;
    work += 6 * (e.layer_parameters + predicted * e.embedding_parameters) * tokens *
            member.pretrain.epochs;
  }
  return work + 2 * e.layer_parameters * e.scored_rows * e.tokens;
}

}  // namespace

void check_ranks(const Config& config, int ranks) {
  if (config.members.empty()) {
    throw Error(Code::Config, "the config has no members", "add a [[member]] table");
  }
  if (config.ensemble.min_members > static_cast<int>(config.members.size())) {
    throw Error(Code::Config, "ensemble.min_members is " +
                                  std::to_string(config.ensemble.min_members) + ", but there are " +
                                  std::to_string(config.members.size()) + " members");
  }
  int useful = 0;
  for (const MemberConfig& member : config.members) {
    if (member.ranks > ranks) {
      throw Error(Code::Config,
                  "member '" + member.name + "' wants " + std::to_string(member.ranks) +
                      " ranks, but there are " + std::to_string(ranks),
                  "start mpirun with -n " + std::to_string(member.ranks) +
                      " or more, or lower the member's ranks");
    }
    useful += member.ranks > 0 ? member.ranks : ranks;
  }
  if (ranks > useful) {
    throw Error(Code::Config,
                std::to_string(ranks) + " ranks, but the members use at most " +
                    std::to_string(useful) + " at once",
                "start mpirun with -n " + std::to_string(useful) +
                    ", or give members more ranks (train.ranks)");
  }
}

Plan make_plan(const Config& config, const std::vector<MemberEstimate>& estimates, int ranks) {
  TUTTI_ASSERT(estimates.size() == config.members.size(), "an estimate a member");
  check_ranks(config, ranks);
  Plan plan;
  plan.ranks = ranks;
  std::vector<Demand> demands;
  demands.reserve(estimates.size());
  for (std::size_t i = 0; i < estimates.size(); ++i) {
    PlannedMember member;
    member.member = static_cast<int>(i);
    member.ranks = config.members[i].ranks;
    member.work = work_of(config.members[i], estimates[i]);
    demands.push_back({member.ranks, member.work});
    plan.members.push_back(std::move(member));
  }
  demands = with_ranks(demands, ranks);
  const PlayedSchedule schedule = play(demands, ranks);
  for (std::size_t i = 0; i < demands.size(); ++i) {
    PlannedMember& member = plan.members[i];
    member.ranks = demands[i].ranks;
    MemberConfig sized = config.members[i];
    sized.ranks = member.ranks;
    member.bytes = estimate_memory(sized, estimates[i]).total();
    member.start = schedule.members[i].start;
    member.end = schedule.members[i].end;
    member.on = schedule.members[i].ranks;
  }
  plan.end = schedule.end;
  plan.idle = schedule.idle;
  const Scheduler order(demands);
  std::vector<PlannedMember> sorted;
  sorted.reserve(plan.members.size());
  for (const int index : order.order()) {
    sorted.push_back(plan.members[static_cast<std::size_t>(index)]);
  }
  plan.members = std::move(sorted);
  return plan;
}

std::string plan_table(const Config& config, const Plan& plan) {
  char line[256];
  std::size_t width = 6;
  for (const MemberConfig& member : config.members) width = std::max(width, member.name.size());
  const int w = static_cast<int>(width);
  std::snprintf(line, sizeof line, "%-*s  %5s  %-10s  %9s  %8s  %s\n", w, "member", "ranks", "on",
                "GFLOP", "GB/rank", "when (share of the run)");
  std::string out = line;
  double total = 0;
  for (const PlannedMember& member : plan.members) {
    std::string on;
    for (const int rank : member.on) on += (on.empty() ? "" : ",") + std::to_string(rank);
    const double end = plan.end > 0 ? plan.end : 1;
    std::snprintf(line, sizeof line, "%-*s  %5d  %-10s  %9.1f  %8.2f  %3.0f%% .. %3.0f%%\n", w,
                  config.members[static_cast<std::size_t>(member.member)].name.c_str(),
                  member.ranks, on.c_str(), member.work / 1e9, member.bytes / 1e9,
                  100 * member.start / end, 100 * member.end / end);
    out += line;
    total += member.work;
  }
  std::snprintf(line, sizeof line,
                "%zu members on %d ranks: %.1f GFLOP, ranks idle %.0f%% of the time\n",
                plan.members.size(), plan.ranks, total / 1e9, 100 * plan.idle);
  return out + line;
}

}  // namespace tutti
