#include "tutti/launch/launcher.hpp"

#include "tutti/launch/command.hpp"

#include <algorithm>
#include <cstdlib>
#include <initializer_list>

namespace tutti {

namespace {

using Variable = std::function<const char*(const char*)>;

// The first of these that holds a number, or `otherwise`.
int number(const Variable& variable, std::initializer_list<const char*> names, int otherwise) {
  for (const char* name : names) {
    const char* text = variable(name);
    if (text != nullptr && *text >= '0' && *text <= '9') return std::atoi(text);
  }
  return otherwise;
}

Launched launched() {
  return launched_from([](const char* name) { return std::getenv(name); });
}

}  // namespace

int tasks_on_node(const std::string& tasks_per_node, int node) {
  const char* at = tasks_per_node.c_str();
  while (*at != '\0') {
    char* end = nullptr;
    const long tasks = std::strtol(at, &end, 10);
    if (end == at) return 0;
    long nodes = 1;
    if (end[0] == '(' && end[1] == 'x') {
      nodes = std::strtol(end + 2, &end, 10);
      if (*end == ')') ++end;
    }
    if (node < nodes) return static_cast<int>(tasks);
    node -= static_cast<int>(nodes);
    at = *end == ',' ? end + 1 : end;
    if (*end != ',' && *end != '\0') return 0;
  }
  return 0;
}

Launched launched_from(const Variable& variable) {
  Launched out;
  out.rank = number(variable, {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"}, -1);
  out.ranks = number(variable, {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}, 0);
  out.local_rank = number(
      variable, {"OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "MV2_COMM_WORLD_LOCAL_RANK"}, 0);
  out.local_ranks = number(
      variable, {"OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS", "MV2_COMM_WORLD_LOCAL_SIZE"}, 0);
  // srun: a rank from PMIx or PMI2, the rest from Slurm.
  if (out.rank >= 0 && number(variable, {"OMPI_COMM_WORLD_SIZE"}, 0) == 0) {
    if (out.ranks == 0) out.ranks = number(variable, {"SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"}, 0);
    if (out.local_ranks == 0) {
      out.local_rank = number(variable, {"SLURM_LOCALID"}, 0);
      const char* const tasks = variable("SLURM_STEP_TASKS_PER_NODE");
      out.local_ranks =
          tasks_on_node(tasks != nullptr ? tasks : "", number(variable, {"SLURM_NODEID"}, 0));
    }
  }
  out.rank = std::max(0, out.rank);
  out.local_ranks = std::max(1, out.local_ranks);
  return out;
}

int launched_rank() { return launched().rank; }
int launched_ranks() { return launched().ranks; }
int launched_local_ranks() { return launched().local_ranks; }

}  // namespace tutti
