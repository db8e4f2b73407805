// Condorcet voting within a user's list: a row beats another if the members that rank it higher
// outweigh those that rank it lower (Montague and Aslam, "Condorcet fusion for improved retrieval",
// CIKM 2002). A member ranks rows that it has above those that it lacks, and does not vote between
// two that it ties or lacks. The fused score is 1 + rows beaten + half of the rows drawn with
// (Copeland): where no cycle and no draw is, N for the Condorcet winner, N - 1 for the next, ...;
// rows in a cycle share their places, whatever the order of rows. Cost: members x rows^2 a list.
//   condorcet           a vote a member
//   condorcet-weighted  votes weighted by validation performance above chance
#include "tutti/ensemble/fusion/list_rule.hpp"

#include <cmath>
#include <limits>

namespace tutti {
namespace {

constexpr double kRounding = 1e-12;  // of a sum of a few weights: a draw

class Condorcet final : public WeightedListRule {
 public:
  using WeightedListRule::WeightedListRule;

 protected:
  void fuse_list(ListView& view, std::span<double> fused) const override {
    for (int m = 0; m < view.members; ++m) {
      for (std::size_t i = 0; i < view.size; ++i) {
        if (!view.has(m, i)) view.values(m)[i] = -std::numeric_limits<double>::infinity();
      }
    }
    for (std::size_t a = 0; a < view.size; ++a) {
      fused[a] += 1;
      for (std::size_t b = a + 1; b < view.size; ++b) {
        double lead = 0;
        for (int m = 0; m < view.members; ++m) {
          const double w = member_weights()[static_cast<std::size_t>(m)];
          const auto score = view.values(m);
          lead += score[a] > score[b] ? w : (score[a] < score[b] ? -w : 0.0);
        }
        const double won = std::abs(lead) < kRounding ? 0.5 : (lead > 0 ? 1.0 : 0.0);
        fused[a] += won;
        fused[b] += 1 - won;
      }
    }
  }

  [[nodiscard]] double closed(double fused, std::size_t size) const override {
    return fused / static_cast<double>(size);
  }
};

bool add(const char* name, const char* about, bool weighted) {
  return FusionRegistry::add(name, about, [name, weighted](const FusionOptions& options) {
    return std::make_unique<Condorcet>(name, options, weighted);
  });
}

const bool registered =
    add("condorcet", "rows by the rows that they beat in pairwise votes", false);
const bool registered_weighted =
    add("condorcet-weighted", "Condorcet with votes weighted by validation performance", true);

}  // namespace
}  // namespace tutti
