// Weighted rules on the scores of the members that have a row, within a user's list; n of them; w_m
// the weight of member m by validation performance above chance, sum 1:
//   comb-weighted  sum_m w_m s_m, a missing score counting 0: after "min-max+" the usual weighted
//                  sum of runs
//   mnz-weighted   (sum_m s_m) (sum_m w_m) over the members that have the row
//   mixed          sqrt(n) sum_m w_m s_m
// Wu and Crestani, "Data fusion with estimated weights", CIKM 2002.
#include "tutti/ensemble/fusion/list_rule.hpp"

#include <cmath>

namespace tutti {
namespace {

// Of sum w s, sum s, sum w over the members that have the row, and their number.
using OfSums = double (*)(double weighted, double scores, double weights, double n);

class CombWeighted final : public WeightedListRule {
 public:
  CombWeighted(const char* name, const FusionOptions& options, OfSums of)
      : WeightedListRule(name, options, true), of_(of) {}

 protected:
  void fuse_list(ListView& view, std::span<double> fused) const override {
    for (std::size_t i = 0; i < view.size; ++i) {
      double weighted = 0;
      double scores = 0;
      double weights = 0;
      double n = 0;
      for (int m = 0; m < view.members; ++m) {
        if (!view.has(m, i)) continue;
        const double w = member_weights()[static_cast<std::size_t>(m)];
        weighted += w * view.values(m)[i];
        scores += view.values(m)[i];
        weights += w;
        n += 1;
      }
      fused[i] = of_(weighted, scores, weights, n);
    }
  }

  [[nodiscard]] double closed(double fused, std::size_t /*size*/) const override {
    return fused / of_(1, members(), 1, members());
  }

 private:
  OfSums of_;
};

bool add(const char* name, const char* about, OfSums of) {
  return FusionRegistry::add(name, about, [name, of](const FusionOptions& options) {
    return std::make_unique<CombWeighted>(name, options, of);
  });
}

const bool registered_sum =
    add("comb-weighted", "CombSUM with weights by validation performance; missing counts 0",
        [](double weighted, double, double, double) { return weighted; });
const bool registered_mnz =
    add("mnz-weighted", "CombSUM times the weights of the members with the row",
        [](double, double scores, double weights, double) { return scores * weights; });
const bool registered_mixed =
    add("mixed", "weighted CombSUM times the root of the number of members with the row",
        [](double weighted, double, double, double n) { return std::sqrt(n) * weighted; });

}  // namespace
}  // namespace tutti
