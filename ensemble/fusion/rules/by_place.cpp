// Rules that learn on validation what a place in a member's list is worth. h(p): the share of
// relevant rows at place p (from 0) of the member's lists; places beyond those seen are worth 0.
//   pos-fuse    sum_m h_m(p), over the lists that are long enough
//   slide-fuse  the mean of h over places p-2 .. p+2 within the list
//   prob-fuse   each list in 20 runs of equal length; run k (from 1) is worth its mean precision
//               over lists, over k
//   seg-fuse    runs of 5, 10, 20, ..., 2560 places; a run is worth its mean share of relevant
//               rows, times (score + 1)
//   map-fuse    MAP of the member, over the rank (from 1)
//   bayes-fuse  sum of log(P / (1 - P)), P the mean precision of the run of places 0-5, 5-10, -15,
//               -20, -30, -100, -200, -500, -1000; a 0 on either side is taken as 0.001, and a row
//               that a member lacks counts log(0.001 / 0.999)
// Lillis et al.: "Estimating probabilities for effective data fusion", SIGIR 2010 (pos-, map-),
// "Extending probabilistic data fusion using sliding windows", ECIR 2008 (slide-), "ProbFuse",
// SIGIR 2006; Shokouhi, "Segmentation of search results for effective data-fusion", ECIR 2007;
// Aslam and Montague, "Models for metasearch", SIGIR 2001 (bayes-). Tied rows share their places
// evenly.
#include "tutti/ensemble/fusion/list_rule.hpp"
#include "tutti/ensemble/fusion/rule_state.hpp"

#include <algorithm>
#include <cmath>

namespace tutti {
namespace {

using Worth = std::vector<double>;              // [place]
using Hits = std::vector<std::vector<double>>;  // [list][place] expected relevant rows, 0 .. 1

struct Run {
  Hits hits;
  std::vector<double> relevant;  // [list] also rows that the member lacks
};

Worth share_of_relevant(const Run& run) {
  Worth sum;
  Worth lists;
  for (const auto& list : run.hits) {
    if (list.size() > sum.size()) {
      sum.resize(list.size(), 0.0);
      lists.resize(list.size(), 0.0);
    }
    for (std::size_t p = 0; p < list.size(); ++p) {
      sum[p] += list[p];
      lists[p] += 1;
    }
  }
  for (std::size_t p = 0; p < sum.size(); ++p) sum[p] /= lists[p];
  return sum;
}

double sum_between(const std::vector<double>& list, std::size_t begin, std::size_t end) {
  double sum = 0;
  for (std::size_t p = begin; p < std::min(end, list.size()); ++p) sum += list[p];
  return sum;
}

constexpr std::size_t kSegments = 20;

std::size_t segment_size(std::size_t list) { return (list + kSegments - 1) / kSegments; }

Worth segments_of_equal_length(const Run& run) {
  Worth worth(kSegments, 0.0);
  for (const auto& list : run.hits) {
    const std::size_t size = segment_size(list.size());
    for (std::size_t k = 0; k < kSegments && k * size < list.size(); ++k) {
      const std::size_t end = std::min(list.size(), (k + 1) * size);
      worth[k] += sum_between(list, k * size, end) / static_cast<double>(end - k * size);
    }
  }
  for (double& w : worth) w /= static_cast<double>(run.hits.size());
  return worth;
}

// Mean over lists of the share of relevant rows between cuts, a short list counting as filled up.
Worth runs_between(const Run& run, const std::vector<std::size_t>& cuts) {
  Worth worth;
  for (std::size_t k = 0; k + 1 < cuts.size(); ++k) {
    double sum = 0;
    for (const auto& list : run.hits) sum += sum_between(list, cuts[k], cuts[k + 1]);
    worth.push_back(sum / static_cast<double>(cuts[k + 1] - cuts[k]) /
                    static_cast<double>(run.hits.size()));
  }
  return worth;
}

std::vector<std::size_t> doubling_cuts() {
  std::vector<std::size_t> cuts = {0};
  for (std::size_t k = 0; k < 10; ++k) cuts.push_back((10U << k) - 5);
  return cuts;
}

Worth spread(const Worth& runs, const std::vector<std::size_t>& cuts) {
  Worth worth;
  for (std::size_t k = 0; k < runs.size(); ++k) worth.resize(cuts[k + 1], runs[k]);
  return worth;
}

const double kLeastOdds = std::log(0.001 / 0.999);

Worth log_odds(const Run& run) {
  const std::vector<std::size_t> cuts = {0, 5, 10, 15, 20, 30, 100, 200, 500, 1000};
  Worth worth = runs_between(run, cuts);
  for (double& p : worth) {
    constexpr double kLeast = 0.001;
    const double yes = p == 0 ? kLeast : p;
    const double no = 1 - yes == 0 ? kLeast : 1 - yes;
    p = std::log(yes / no);
  }
  return spread(worth, cuts);
}

Worth mean_average_precision(const Run& run) {
  double sum = 0;
  double lists = 0;
  for (std::size_t q = 0; q < run.hits.size(); ++q) {
    if (run.relevant[q] == 0) continue;
    double above = 0;
    double precision = 0;
    for (std::size_t p = 0; p < run.hits[q].size(); ++p) {
      // With ties, hits are expectations: the sum is that of a list with such parts of rows.
      above += run.hits[q][p];
      precision += run.hits[q][p] * above / static_cast<double>(p + 1);
    }
    sum += precision / run.relevant[q];
    lists += 1;
  }
  return {lists > 0 ? sum / lists : 0.0};
}

// A member's list of n rows, with the worth that was learned: what place p is worth.
using At = double (*)(std::span<const double> worth, std::size_t place, std::size_t n);

double plain(std::span<const double> worth, std::size_t place, std::size_t /*n*/) {
  return place < worth.size() ? worth[place] : 0.0;
}

double windowed(std::span<const double> worth, std::size_t place, std::size_t n) {
  constexpr std::size_t kHalf = 2;
  const std::size_t begin = place > kHalf ? place - kHalf : 0;
  const std::size_t end = std::min(place + kHalf, n - 1) + 1;
  double sum = 0;
  for (std::size_t p = begin; p < end; ++p) sum += plain(worth, p, n);
  return sum / static_cast<double>(end - begin);
}

double of_segment(std::span<const double> worth, std::size_t place, std::size_t n) {
  const std::size_t k = place / segment_size(n);
  return plain(worth, k, n) / static_cast<double>(k + 1);
}

double over_rank(std::span<const double> worth, std::size_t place, std::size_t /*n*/) {
  return worth[0] / static_cast<double>(place + 1);
}

double odds_at(std::span<const double> worth, std::size_t place, std::size_t /*n*/) {
  return place < worth.size() ? worth[place] : kLeastOdds;
}

struct Shape {
  const char* name;
  const char* about;
  Worth (*learn)(const Run&);
  At at;
  bool times_score = false;
  bool odds = false;
};

class ByPlace final : public ListRule {
 public:
  ByPlace(const Shape& shape, const FusionOptions& options)
      : ListRule(shape.name, options), shape_(shape) {}

  [[nodiscard]] std::string state() const override {
    return write_rule_state(name(), {{"worth", worth_}});
  }
  void restore(std::string_view json) override {
    worth_ = read_rule_state(name(), json, "worth");
    for (const Worth& w : worth_) {
      if (w.empty())
        throw Error(Code::Data, "state of fusion rule '" + name() + "': an empty list");
    }
    if (worth_.empty()) throw Error(Code::Data, "state of fusion rule '" + name() + "': no member");
  }

 protected:
  void do_fit(const Scores& validation, const Labels& labels) override {
    if (validation.rows == 0) {
      throw Error(Code::Data, "fusion rule '" + name() + "': there are no validation rows",
                  "make the validation part larger");
    }
    const UserRows lists(validation.user);
    worth_.clear();
    ListView view;
    std::vector<std::size_t> order;
    std::vector<TiedPlaces> ties;
    for (int m = 0; m < validation.members; ++m) {
      Run run;
      for (std::size_t q = 0; q < lists.size(); ++q) {
        const auto rows = lists[q];
        fill_view(validation, rows, view);
        view.ranked(m, order, ties);
        std::vector<double> hits(order.size());
        for (const TiedPlaces& tie : ties) {
          double relevant = 0;
          for (std::size_t p = tie.begin; p < tie.end; ++p) {
            relevant += labels.value[rows[order[p]]] >= options().positive ? 1 : 0;
          }
          for (std::size_t p = tie.begin; p < tie.end; ++p) {
            hits[p] = relevant / static_cast<double>(tie.end - tie.begin);
          }
        }
        run.hits.push_back(std::move(hits));
        run.relevant.push_back(0);
        for (const std::size_t row : rows) {
          if (labels.value[row] >= options().positive) run.relevant.back() += 1;
        }
      }
      worth_.push_back(shape_.learn(run));
      if (worth_.back().empty()) worth_.back().push_back(0.0);  // a member without a row
    }
  }

  void fuse_list(ListView& view, std::span<double> fused) const override {
    for (int m = 0; m < view.members; ++m) {
      const std::vector<double> score(view.values(m).begin(), view.values(m).end());
      const Worth& worth = worth_[static_cast<std::size_t>(m)];
      std::size_t n = 0;
      for (std::size_t i = 0; i < view.size; ++i) n += view.has(m, i) ? 1 : 0;
      view.replace_by_place(m, [&](std::size_t place) { return shape_.at(worth, place, n); });
      for (std::size_t i = 0; i < view.size; ++i) {
        if (!view.has(m, i)) {
          fused[i] += shape_.odds ? kLeastOdds : 0.0;
        } else {
          fused[i] += view.values(m)[i] * (shape_.times_score ? score[i] + 1 : 1.0);
        }
      }
    }
  }

  [[nodiscard]] double closed(double fused, std::size_t /*size*/) const override {
    if (shape_.odds) return 1 / (1 + std::exp(-fused));
    return fused / (members() * (shape_.times_score ? 2.0 : 1.0));
  }

  [[nodiscard]] int members() const override { return static_cast<int>(worth_.size()); }
  [[nodiscard]] bool needs_labels() const override { return true; }

 private:
  Shape shape_;
  std::vector<Worth> worth_;
};

bool add(const Shape& shape) {
  return FusionRegistry::add(shape.name, shape.about, [shape](const FusionOptions& options) {
    return std::make_unique<ByPlace>(shape, options);
  });
}

const bool registered_pos =
    add({"pos-fuse", "learned chance of relevance at each place", share_of_relevant, plain});
const bool registered_slide = add(
    {"slide-fuse", "learned chance of relevance around each place", share_of_relevant, windowed});
const bool registered_prob = add({"prob-fuse", "learned chance of relevance in 20 parts of a list",
                                  segments_of_equal_length, of_segment});
const bool registered_seg =
    add({"seg-fuse", "learned chance of relevance in doubling runs of places, times score + 1",
         [](const Run& run) { return spread(runs_between(run, doubling_cuts()), doubling_cuts()); },
         plain, true});
const bool registered_map = add({"map-fuse", "mean average precision of the member over the rank",
                                 mean_average_precision, over_rank});
const bool registered_bayes =
    add({"bayes-fuse", "sum of the log-odds of relevance in runs of places", log_odds, odds_at,
         false, true});

}  // namespace
}  // namespace tutti
