#include "tutti/ensemble/fusion/list_rule.hpp"

#include "tutti/ensemble/fusion/linear_rule.hpp"
#include "tutti/ensemble/fusion/rule_state.hpp"

#include <algorithm>

namespace tutti {

std::string ListRule::state() const {
  return write_rule_state(name(), {{"members", {{static_cast<double>(members_)}}}});
}

void ListRule::restore(std::string_view json) { members_ = read_members(name(), json); }

void ListRule::do_fuse(const Scores& in, std::span<double> out) const {
  const UserRows lists(in.user);
  ListView view;
  std::vector<double> fused;
  for (std::size_t list = 0; list < lists.size(); ++list) {
    const auto rows = lists[list];
    fill_view(in, rows, view);
    fused.assign(rows.size(), 0.0);
    fuse_list(view, fused);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      out[rows[i]] =
          options().open_scores ? fused[i] : std::clamp(closed(fused[i], rows.size()), 0.0, 1.0);
    }
  }
}

std::string WeightedListRule::state() const {
  return write_rule_state(name(), {{"weights", {member_weights_}}});
}

void WeightedListRule::restore(std::string_view json) {
  member_weights_ = read_weights(name(), json);
}

void WeightedListRule::do_fit(const Scores& validation, const Labels& labels) {
  member_weights_ = normalised(
      by_performance_ ? performance(options(), validation, labels)
                      : std::vector<double>(static_cast<std::size_t>(validation.members), 1.0));
}

}  // namespace tutti
