#pragma once

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace tutti {

/// What main of a benchmark does: run(arguments), and one line and 1 for an exception.
template <class Run>
int bench_main(const char* program, int argc, char** argv, Run run) {
  try {
    run(std::vector<std::string>(argv + 1, argv + argc));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", program, error.what());
    return 1;
  }
}

}  // namespace tutti
