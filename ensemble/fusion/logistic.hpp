#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

// Inside ensemble/fusion only.
namespace tutti {

/// Solves a x = b by elimination with row pivoting, a [n][n]; none if singular.
std::optional<std::vector<double>> solve_linear(std::vector<double> a, std::vector<double> b);

/// The weights w of least sum_i [log(1 + exp(z_i)) - target_i z_i] + 1/2 sum_j penalty_j w_j^2,
/// z = x w: maximum likelihood of logistic regression, targets in [0, 1]. `x` is [row][feature].
/// Newton steps from 0, each halved until the loss falls, to a gradient of 1e-10 a row; where there
/// is no finite optimum (separable rows, no penalty) it stops after 100 steps.
std::vector<double> fit_logistic(std::span<const double> x, std::span<const double> target,
                                 std::span<const double> penalty);

/// log(p / (1 - p)), p cut to [1e-12, 1 - 1e-12].
double log_odds_of(double p);

}  // namespace tutti
