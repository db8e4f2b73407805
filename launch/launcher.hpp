#pragma once

#include <functional>
#include <string>

namespace tutti {

/// What the launcher of this process says of it, before MPI starts.
struct Launched {
  int rank = 0;
  int ranks = 0;        ///< 0: not started by a launcher
  int local_rank = 0;   ///< among those of this host
  int local_ranks = 1;  ///< at least 1
};

/// From the environment: Open MPI's mpirun, MPICH's Hydra and MVAPICH, and srun with --mpi=pmix or
/// pmi2, which tell the number of ranks in Slurm's own variables. Slurm's variables alone, as in a
/// batch script, are no launch. `variable` gives an environment variable, or nullptr.
Launched launched_from(const std::function<const char*(const char*)>& variable);

/// Slurm's "2(x3),1" is two tasks on each of the first three nodes, one on the fourth: how many on
/// node `node`, or 0 where the text does not say.
int tasks_on_node(const std::string& tasks_per_node, int node);

}  // namespace tutti
