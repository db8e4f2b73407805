#include "tutti/ensemble/fusion/references.hpp"

#include "tutti/data/error.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tutti {

namespace {

constexpr double kDamping = 10;  // rows' worth of belief that a user or item is like the mean

double at(const std::vector<double>& bias, std::int32_t id) {
  const auto i = static_cast<std::size_t>(id);
  return id >= 0 && i < bias.size() ? bias[i] : 0.0;
}

// Damped mean a id of label - mean - other[row's other id], in row order.
std::vector<double> damped(std::span<const std::int32_t> id, std::span<const double> label,
                           double mean, std::span<const std::int32_t> other_id,
                           const std::vector<double>& other) {
  std::vector<double> sum;
  std::vector<double> count;
  for (std::size_t i = 0; i < id.size(); ++i) {
    TUTTI_ASSERT(id[i] >= 0, "ids count from 0");
    const auto k = static_cast<std::size_t>(id[i]);
    if (k >= sum.size()) {
      sum.resize(k + 1, 0.0);
      count.resize(k + 1, 0.0);
    }
    sum[k] += label[i] - mean - at(other, other_id[i]);
    count[k] += 1;
  }
  for (std::size_t k = 0; k < sum.size(); ++k) sum[k] /= count[k] + kDamping;
  return sum;
}

}  // namespace

std::vector<std::string> reference_names() { return {"bias", "popularity"}; }

Reference::Reference(const std::string& name, bool rating, const ReferenceRows& training) {
  TUTTI_ASSERT(training.user.size() == training.label.size() &&
                   training.item.size() == training.label.size(),
               "columns of one length");
  const std::vector<std::string> known = reference_names();
  if (std::find(known.begin(), known.end(), name) == known.end()) {
    throw Error(Code::Config, "unknown reference '" + name + "'",
                "did you mean '" + nearest_name(name, known) + "'?");
  }
  double sum = 0;
  for (std::size_t i = 0; i < training.label.size(); ++i) {
    if (!std::isfinite(training.label[i])) {
      throw Error(Code::Data, "reference '" + name + "': training row " + std::to_string(i) +
                                  " (from 0) has the label " + std::to_string(training.label[i]));
    }
    sum += training.label[i];
  }
  const auto rows = static_cast<double>(training.label.size());
  mean_ = rows > 0 ? sum / rows : (rating ? 0.0 : 0.5);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kEdge = 0.001;
  low_ = rating ? -kInfinity : kEdge;
  high_ = rating ? kInfinity : 1 - kEdge;
  const int passes = name == "bias" ? 2 : 1;
  for (int pass = 0; pass < passes; ++pass) {
    item_ = damped(training.item, training.label, mean_, training.user, user_);
    if (name == "bias") {
      user_ = damped(training.user, training.label, mean_, training.item, item_);
    }
  }
}

std::vector<double> Reference::score(std::span<const std::int32_t> user,
                                     std::span<const std::int32_t> item) const {
  TUTTI_ASSERT(user.size() == item.size(), "columns of one length");
  std::vector<double> out;
  out.reserve(user.size());
  for (std::size_t i = 0; i < user.size(); ++i) {
    out.push_back(std::clamp(mean_ + at(user_, user[i]) + at(item_, item[i]), low_, high_));
  }
  return out;
}

}  // namespace tutti
