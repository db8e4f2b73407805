// Rules on the scores of the members that have a row (n of M members; s_m their scores), within a
// user's list. Fox and Shaw, "Combination of multiple searches", TREC-2, 1993:
//   comb-sum   sum_m s_m
//   comb-mnz   n sum_m s_m
//   comb-anz   sum_m s_m / n
//   comb-med   median of the s_m (the mean of the middle two for even n)
//   comb-max, comb-min
// Lee, "Analyses of multiple evidence combination", SIGIR 1997:
//   comb-gmnz  n^gamma sum_m s_m, gamma = 1/2
// A row that no member has gets 0. Normalise scores of unlike scale first: "min-max+comb-sum".
#include "tutti/ensemble/fusion/list_rule.hpp"

#include <algorithm>
#include <cmath>

namespace tutti {
namespace {

constexpr double kGamma = 0.5;

double sum(const std::vector<double>& s) {
  double total = 0;
  for (const double x : s) total += x;
  return total;
}

double count(const std::vector<double>& s) { return static_cast<double>(s.size()); }

double median(std::vector<double>& s) {
  std::sort(s.begin(), s.end());
  const std::size_t half = s.size() / 2;
  return s.size() % 2 == 1 ? s[half] : 0.5 * (s[half - 1] + s[half]);
}

struct Combination {
  const char* name;
  const char* about;
  double (*of)(std::vector<double>& scores);  // not empty
};

class Comb final : public ListRule {
 public:
  Comb(const Combination& combination, const FusionOptions& options)
      : ListRule(combination.name, options), of_(combination.of) {}

 protected:
  void fuse_list(ListView& view, std::span<double> fused) const override {
    std::vector<double> scores;
    for (std::size_t i = 0; i < view.size; ++i) {
      scores.clear();
      for (int m = 0; m < view.members; ++m) {
        if (view.has(m, i)) scores.push_back(view.values(m)[i]);
      }
      fused[i] = scores.empty() ? 0.0 : of_(scores);
    }
  }

  [[nodiscard]] double closed(double fused, std::size_t /*size*/) const override {
    std::vector<double> ones(static_cast<std::size_t>(members()), 1.0);
    return fused / of_(ones);
  }

 private:
  double (*of_)(std::vector<double>&);
};

bool add(const Combination& combination) {
  return FusionRegistry::add(combination.name, combination.about,
                             [combination](const FusionOptions& options) {
                               return std::make_unique<Comb>(combination, options);
                             });
}

const bool registered_sum = add({"comb-sum", "sum of the scores of the members that have the row",
                                 [](std::vector<double>& s) { return sum(s); }});
const bool registered_mnz = add({"comb-mnz", "CombSUM times the number of members with the row",
                                 [](std::vector<double>& s) { return count(s) * sum(s); }});
const bool registered_anz = add({"comb-anz", "mean over the members that have the row",
                                 [](std::vector<double>& s) { return sum(s) / count(s); }});
const bool registered_med = add({"comb-med", "median over the members that have the row", median});
const bool registered_max =
    add({"comb-max", "largest score of the members",
         [](std::vector<double>& s) { return *std::max_element(s.begin(), s.end()); }});
const bool registered_min =
    add({"comb-min", "smallest score of the members that have the row",
         [](std::vector<double>& s) { return *std::min_element(s.begin(), s.end()); }});
const bool registered_gmnz =
    add({"comb-gmnz", "CombSUM times the root of the number of members with the row",
         [](std::vector<double>& s) { return std::pow(count(s), kGamma) * sum(s); }});

}  // namespace
}  // namespace tutti
