#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tutti {

/// The JSON of a fitted rule: {"rule": NAME, KEY: [[numbers], ...], ...}. Numbers come back to the
/// same bits.
using RuleArrays = std::vector<std::pair<std::string, std::vector<std::vector<double>>>>;

std::string write_rule_state(const std::string& rule, const RuleArrays& arrays);

/// The array of that key. Throws Error(Data) for bad JSON, another rule's state, a missing key or a
/// number that is not finite.
std::vector<std::vector<double>> read_rule_state(const std::string& rule, std::string_view json,
                                                 const std::string& key);

/// The only number of that key, at least `low`. Throws Error(Data).
double read_number(const std::string& rule, std::string_view json, const std::string& key,
                   double low = -1e300);

/// "members": [[n]], for a rule that keeps nothing else.
int read_members(const std::string& rule, std::string_view json);

}  // namespace tutti
