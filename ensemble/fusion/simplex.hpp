#pragma once

#include <functional>
#include <span>
#include <vector>

namespace tutti {

/// A convex function of the weights and its derivatives at one point.
struct Quadratic {
  double value = 0;
  std::vector<double> gradient;  ///< [m]
  std::vector<double> hessian;   ///< [m][m], positive semidefinite
};

struct SimplexResult {
  std::vector<double> weights;  ///< from 0, sum 1
  double gap = 0;               ///< proven: value - minimum <= gap, ridge included
  int steps = 0;
};

/// Minimises a convex function over the weights w >= 0, sum w = 1, from equal weights, by Newton
/// steps: each minimises the quadratic model over the simplex exactly and is halved until the value
/// falls. Ends when the duality gap g.w - min_m g_m is at most `tolerance`, or after `max_steps`
/// (gap says how far), or when rounding stops it.
///
/// A ridge of `ridge` times the mean curvature at equal weights, towards equal weights, makes the
/// answer unique: it does not depend on the order of members, and clones share their weight.
SimplexResult minimise_on_simplex(
    int members, const std::function<Quadratic(std::span<const double>)>& quadratic,
    double tolerance = 1e-12, int max_steps = 100, double ridge = 1e-7);

}  // namespace tutti
