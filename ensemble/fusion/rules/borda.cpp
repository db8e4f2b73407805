// Borda counts within a user's list of N rows: a member of L rows gives its first row N points, the
// next N - 1, ..., and each row that it lacks (N - L + 1) / 2 (Aslam and Montague, "Models for
// metasearch", SIGIR 2001); tied rows get the mean of their places.
//   borda           sum of the members' points
//   borda-weighted  weighted by validation performance above chance
#include "tutti/ensemble/fusion/list_rule.hpp"

namespace tutti {
namespace {

class Borda final : public WeightedListRule {
 public:
  using WeightedListRule::WeightedListRule;

 protected:
  void fuse_list(ListView& view, std::span<double> fused) const override {
    const auto rows = static_cast<double>(view.size);
    for (int m = 0; m < view.members; ++m) {
      double have = 0;
      for (std::size_t i = 0; i < view.size; ++i) have += view.has(m, i) ? 1 : 0;
      view.replace_by_place(m,
                            [&](std::size_t place) { return rows - static_cast<double>(place); });
      const double weight = by_performance() ? member_weights()[static_cast<std::size_t>(m)] : 1.0;
      for (std::size_t i = 0; i < view.size; ++i) {
        fused[i] += weight * (view.has(m, i) ? view.values(m)[i] : 0.5 * (rows - have + 1));
      }
    }
  }

  [[nodiscard]] double closed(double fused, std::size_t size) const override {
    return fused / (static_cast<double>(size) * (by_performance() ? 1.0 : members()));
  }
};

bool add(const char* name, const char* about, bool weighted) {
  return FusionRegistry::add(name, about, [name, weighted](const FusionOptions& options) {
    return std::make_unique<Borda>(name, options, weighted);
  });
}

const bool registered = add("borda", "Borda count of the members' ranks", false);
const bool registered_weighted =
    add("borda-weighted", "Borda count with weights by validation performance", true);

}  // namespace
}  // namespace tutti
