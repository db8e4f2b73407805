// Rules on ranks alone: with r_m the rank (from 1) that member m gives the row in the user's list
// and n the number of members that have the row:
//   rrf       sum_m 1 / (k + r_m), k = 60 (Cormack, Clarke, Buettcher, "Reciprocal rank fusion
//             outperforms Condorcet", SIGIR 2009)
//   isr       n sum_m 1 / r_m^2; log-isr: log n in place of n; logn-isr: log(n + 0.01) (Mourao,
//             Martins, Magalhaes, "Multimodal medical information retrieval with unsupervised rank
//             fusion", CMIG 2015)
//   rbc       sum_m (1 - phi) phi^(r_m - 1), phi = 0.8: rank-biased centroids (Bailey et al.,
//             "Retrieval consistency in the presence of query variations", SIGIR 2017)
// Tied rows get the mean over the places that they share.
#include "tutti/ensemble/fusion/list_rule.hpp"
#include "tutti/ensemble/fusion/rule_state.hpp"

#include <cmath>

namespace tutti {
namespace {

constexpr double kSigma = 0.01;
constexpr double kPhi = 0.8;

class ByRank : public ListRule {
 public:
  using ListRule::ListRule;

 protected:
  [[nodiscard]] virtual double at(std::size_t place) const = 0;        // from 0
  [[nodiscard]] virtual double factor(std::size_t members) const = 0;  // of n

  void fuse_list(ListView& view, std::span<double> fused) const override {
    for (int m = 0; m < view.members; ++m) {
      view.replace_by_place(m, [this](std::size_t place) { return at(place); });
    }
    for (std::size_t i = 0; i < view.size; ++i) {
      std::size_t n = 0;
      for (int m = 0; m < view.members; ++m) {
        if (!view.has(m, i)) continue;
        fused[i] += view.values(m)[i];
        ++n;
      }
      if (n > 0) fused[i] *= factor(n);
    }
  }

  [[nodiscard]] double closed(double fused, std::size_t /*size*/) const override {
    const auto all = static_cast<std::size_t>(members());
    const double most = factor(all) * at(0) * members();
    return most > 0 ? fused / most : 0.0;  // log-isr of one member is 0 everywhere
  }
};

class ReciprocalRanks final : public ByRank {
 public:
  explicit ReciprocalRanks(const FusionOptions& options)
      : ByRank("rrf", options), k_(options.rrf_k) {
    if (!(k_ >= 0)) {
      throw Error(Code::Config,
                  "fusion rule 'rrf': rrf_k must be from 0, it is " + std::to_string(k_),
                  "60 is usual");
    }
  }
  [[nodiscard]] std::string state() const override {
    return write_rule_state(name(),
                            {{"members", {{static_cast<double>(members())}}}, {"k", {{k_}}}});
  }
  void restore(std::string_view json) override {
    ListRule::restore(json);
    k_ = read_number(name(), json, "k", 0);
  }

 protected:
  [[nodiscard]] double at(std::size_t place) const override {
    return 1.0 / (k_ + static_cast<double>(place) + 1);
  }
  [[nodiscard]] double factor(std::size_t /*members*/) const override { return 1; }

 private:
  double k_;
};

class InverseSquares final : public ByRank {
 public:
  InverseSquares(const std::string& name, const FusionOptions& options, double (*of_n)(double))
      : ByRank(name, options), of_n_(of_n) {}

 protected:
  [[nodiscard]] double at(std::size_t place) const override {
    const double rank = static_cast<double>(place) + 1;
    return 1 / (rank * rank);
  }
  [[nodiscard]] double factor(std::size_t members) const override {
    return of_n_(static_cast<double>(members));
  }

 private:
  double (*of_n_)(double);
};

class Centroids final : public ByRank {
 public:
  explicit Centroids(const FusionOptions& options) : ByRank("rbc", options) {}

 protected:
  [[nodiscard]] double at(std::size_t place) const override {
    return (1 - kPhi) * std::pow(kPhi, static_cast<double>(place));
  }
  [[nodiscard]] double factor(std::size_t /*members*/) const override { return 1; }
};

const bool registered_rrf = FusionRegistry::add(
    "rrf", "reciprocal rank fusion: sum of 1 / (rrf_k + rank)",
    [](const FusionOptions& options) { return std::make_unique<ReciprocalRanks>(options); });

bool add_isr(const char* name, const char* about, double (*of_n)(double)) {
  return FusionRegistry::add(name, about, [name, of_n](const FusionOptions& options) {
    return std::make_unique<InverseSquares>(name, options, of_n);
  });
}

const bool registered_isr =
    add_isr("isr", "inverse square ranks times the number of members", [](double n) { return n; });
const bool registered_log_isr =
    add_isr("log-isr", "inverse square ranks times the log of the number of members",
            [](double n) { return std::log(n); });
const bool registered_logn_isr =
    add_isr("logn-isr", "inverse square ranks times log(members + 0.01)",
            [](double n) { return std::log(n + kSigma); });
const bool registered_rbc = FusionRegistry::add(
    "rbc", "rank-biased centroids, persistence 0.8",
    [](const FusionOptions& options) { return std::make_unique<Centroids>(options); });

}  // namespace
}  // namespace tutti
