#include "tutti/ensemble/fusion/lists.hpp"

#include <algorithm>

namespace tutti {

UserRows::UserRows(std::span<const std::int32_t> user) {
  std::int32_t most = -1;
  for (const std::int32_t u : user) most = std::max(most, u);
  std::vector<std::size_t> start(static_cast<std::size_t>(most + 1) + 1, 0);
  for (const std::int32_t u : user) ++start[static_cast<std::size_t>(u) + 1];
  begin_.push_back(0);
  for (std::size_t u = 1; u < start.size(); ++u) {
    if (start[u] > 0) begin_.push_back(begin_.back() + start[u]);
    start[u] += start[u - 1];
  }
  row_.resize(user.size());
  for (std::size_t i = 0; i < user.size(); ++i)
    row_[start[static_cast<std::size_t>(user[i])]++] = i;
}

void ListView::ranked(int m, std::vector<std::size_t>& order, std::vector<TiedPlaces>& ties) const {
  const auto score = values(m);
  order.clear();
  ties.clear();
  for (std::size_t i = 0; i < size; ++i) {
    if (has(m, i)) order.push_back(i);
  }
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return score[a] != score[b] ? score[a] > score[b] : a < b;
  });
  for (std::size_t i = 0; i < order.size();) {
    std::size_t end = i + 1;
    while (end < order.size() && score[order[end]] == score[order[i]]) ++end;
    ties.push_back({i, end});
    i = end;
  }
}

void ListView::replace_by_place(int m, const std::function<double(std::size_t)>& f) {
  std::vector<std::size_t> order;
  std::vector<TiedPlaces> ties;
  ranked(m, order, ties);
  const auto score = values(m);
  for (const TiedPlaces& tie : ties) {
    double sum = 0;
    for (std::size_t p = tie.begin; p < tie.end; ++p) sum += f(p);
    const double mean = sum / static_cast<double>(tie.end - tie.begin);
    for (std::size_t p = tie.begin; p < tie.end; ++p) score[order[p]] = mean;
  }
}

void fill_view(const Scores& in, std::span<const std::size_t> rows, ListView& view) {
  view.members = in.members;
  view.size = rows.size();
  view.value.assign(static_cast<std::size_t>(in.members) * rows.size(), 0.0);
  view.present.assign(view.value.size(), 1);
  std::size_t at = 0;
  for (int m = 0; m < in.members; ++m) {
    const auto member = in.member(m);
    for (const std::size_t row : rows) {
      if (in.has(m, row)) {
        view.value[at] = member[row];
      } else {
        view.present[at] = 0;
      }
      ++at;
    }
  }
}

}  // namespace tutti
