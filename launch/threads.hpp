#pragma once

#include <string>

namespace tutti {

/// As the operating system names this machine.
std::string host_name();

/// Sets how many threads LibTorch computes with in this process.
void set_threads(int threads);

/// Cores that this process may use over the ranks that share them, at least 1.
int default_threads(int local_ranks);

}  // namespace tutti
