// Normalisers of each member's scores s within each user's list (L rows that the member scores, N
// that any member does); denominators are at least 1e-9, so constant scores give no infinity:
//   min-max  (s - min) / (max - min)
//   max      s / max
//   sum      (s - min) / sum of (s - min)
//   z-score  (s - mean) / standard deviation (of the L rows, not L - 1)
//   rank     1 - (rank - 1) / L, rank from 1
//   borda    1 - (rank - 1) / N; a row that the member lacks gets 1/2 - (L - 1) / (2 N)
// Tied rows share their ranks. They are for ordering rows, so not for ratings. After Renda and
// Straccia, "Web metasearch: rank vs. score based rank aggregation methods", SAC 2003, and Montague
// and Aslam, "Relevance score normalization for metasearch", CIKM 2001.
#include "tutti/ensemble/fusion/lists.hpp"
#include "tutti/ensemble/fusion/normalise.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tutti {
namespace {

constexpr double kLeast = 1e-9;

using OfList = void (*)(ListView& view, int member);

std::vector<double> scores_of(const ListView& view, int m) {
  std::vector<double> out;
  for (std::size_t i = 0; i < view.size; ++i) {
    if (view.has(m, i)) out.push_back(view.values(m)[i]);
  }
  return out;
}

void scale(ListView& view, int m, double shift, double by) {
  for (std::size_t i = 0; i < view.size; ++i) {
    if (view.has(m, i)) view.values(m)[i] = (view.values(m)[i] - shift) / std::max(by, kLeast);
  }
}

void min_max(ListView& view, int m) {
  const std::vector<double> s = scores_of(view, m);
  if (s.empty()) return;
  const auto [low, high] = std::minmax_element(s.begin(), s.end());
  scale(view, m, *low, *high - *low);
}

void largest(ListView& view, int m) {
  const std::vector<double> s = scores_of(view, m);
  if (!s.empty()) scale(view, m, 0, *std::max_element(s.begin(), s.end()));
}

void sum(ListView& view, int m) {
  const std::vector<double> s = scores_of(view, m);
  if (s.empty()) return;
  const double low = *std::min_element(s.begin(), s.end());
  double total = 0;
  for (const double x : s) total += x - low;
  scale(view, m, low, total);
}

void z_score(ListView& view, int m) {
  const std::vector<double> s = scores_of(view, m);
  if (s.empty()) return;
  const auto n = static_cast<double>(s.size());
  double mean = 0;
  for (const double x : s) mean += x / n;
  double variance = 0;
  for (const double x : s) variance += (x - mean) * (x - mean) / n;
  scale(view, m, mean, std::sqrt(variance));
}

void rank(ListView& view, int m) {
  const auto n = static_cast<double>(scores_of(view, m).size());
  view.replace_by_place(m, [n](std::size_t place) { return 1 - static_cast<double>(place) / n; });
}

void borda(ListView& view, int m) {
  const auto have = static_cast<double>(scores_of(view, m).size());
  const auto all = static_cast<double>(view.size);
  view.replace_by_place(m,
                        [all](std::size_t place) { return 1 - static_cast<double>(place) / all; });
  for (std::size_t i = 0; i < view.size; ++i) {
    if (view.has(m, i)) continue;
    view.values(m)[i] = 0.5 - (have - 1) / (2 * all);
    view.present[static_cast<std::size_t>(m) * view.size + i] = 1;
  }
}

class ByList final : public Normaliser {
 public:
  ByList(const std::string& name, const FusionOptions& options, OfList of, bool open)
      : of_(of), open_(open) {
    refuse_rating(name, options);
  }

  [[nodiscard]] bool open() const override { return open_; }

  [[nodiscard]] NormalisedScores apply(const Scores& in) const override {
    NormalisedScores out;
    out.values.assign(in.values.size(), 0.0);
    if (!in.present.empty()) out.present.assign(in.values.size(), 0);
    const UserRows lists(in.user);
    ListView view;
    for (std::size_t list = 0; list < lists.size(); ++list) {
      const auto rows = lists[list];
      fill_view(in, rows, view);
      for (int m = 0; m < in.members; ++m) {
        of_(view, m);
        for (std::size_t i = 0; i < rows.size(); ++i) {
          const std::size_t at = static_cast<std::size_t>(m * in.rows) + rows[i];
          out.values[at] = view.values(m)[i];
          if (!out.present.empty()) out.present[at] = view.has(m, i) ? 1 : 0;
        }
      }
    }
    return out;
  }

 private:
  OfList of_;
  bool open_;
};

// `open`: 0 never leaves [0, 1], 1 does where scores are open, 2 always.
bool add(const char* name, const char* about, OfList of, int open) {
  return NormaliserRegistry::add(name, about, [name, of, open](const FusionOptions& options) {
    return std::make_unique<ByList>(name, options, of,
                                    open == 2 || (open == 1 && options.open_scores));
  });
}

const bool registered_min_max =
    add("min-max", "from 0 for the least to 1 for the largest score of a list", min_max, 0);
const bool registered_max = add("max", "over the largest score of a list", largest, 1);
const bool registered_sum = add("sum", "so that a list sums to 1, from 0", sum, 0);
const bool registered_z = add("z-score", "in standard deviations from the list's mean", z_score, 2);
const bool registered_rank = add("rank", "by rank among the member's rows of a list", rank, 0);
const bool registered_borda = add("borda", "by rank among all rows of a list", borda, 0);

}  // namespace
}  // namespace tutti
