// parity_metric: prints metrics of a table for tests/parity/test_metrics.py.
//   parity_metric FILE POSITIVE NAME...
// FILE has a line "user score label [weight]" a row (the weight is the user's). Prints a value a
// name in 17 digits, or "error: ..." for a refused table.
#include "tutti/data/error.hpp"
#include "tutti/ensemble/metric.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  if (argc < 4) return 64;
  std::vector<double> score;
  std::vector<double> label;
  std::vector<double> weight;
  std::vector<std::int32_t> user;
  std::ifstream in(argv[1]);
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    std::int32_t u = 0;
    std::string s;
    std::string y;
    double w = 1;
    fields >> u >> s >> y;
    fields >> w;
    user.push_back(u);
    score.push_back(std::strtod(s.c_str(), nullptr));  // operator>> refuses nan
    label.push_back(std::strtod(y.c_str(), nullptr));
    if (weight.size() <= static_cast<std::size_t>(u))
      weight.resize(static_cast<std::size_t>(u) + 1, 1);
    weight[static_cast<std::size_t>(u)] = fields ? w : 1;
  }
  tutti::MetricOptions options;
  options.positive = std::strtod(argv[2], nullptr);
  for (int a = 3; a < argc; ++a) {
    try {
      const auto metric = tutti::make_metric(argv[a], options);
      std::printf("%.17g\n", metric->evaluate(score, label, user, weight));
    } catch (const tutti::Error& error) {
      std::printf("error: %s\n", error.what());
    }
  }
  return 0;
}
