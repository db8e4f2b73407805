#pragma once

// Only for the .cpp files of models and the trainer: this header includes LibTorch.

#include "tutti/train/model.hpp"

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <functional>

namespace tutti {

/// One layer: [n, features] -> [m, features]. A pure function of its input and the parameters, and
/// it owns what else it reads: it may be called again when the forward pass is over.
using LayerFunction = std::function<at::Tensor(const at::Tensor&)>;

/// Stands between a model and its layers, to recompute activations or to fetch parameters.
class LayerRunner {
 public:
  virtual ~LayerRunner() = default;
  /// `layer` counts from 0 in each forward pass.
  virtual at::Tensor run(std::size_t layer, const at::Tensor& x, const LayerFunction& function) = 0;
};

/// What a model calls for each of its layers.
template <class Function>
at::Tensor run_layer(const Pass& pass, std::size_t layer, const at::Tensor& x, Function function) {
  return pass.layers == nullptr ? function(x) : pass.layers->run(layer, x, function);
}

/// Keeps the input of a layer alone for backward, and computes the layer again there (Chen et al.
/// 2016, arXiv:1604.06174): the same bits, for dropout masks are a function of keys. `before` and
/// `after` are called around the layer in forward and again in backward.
at::Tensor run_checkpointed(const at::Tensor& x, const LayerFunction& function,
                            const std::function<void()>& before,
                            const std::function<void()>& after);

/// `before` is called before the layer in forward, and before its part of backward; `after` after
/// each of them.
at::Tensor run_between(const at::Tensor& x, const LayerFunction& function,
                       const std::function<void()>& before, const std::function<void()>& after);

}  // namespace tutti
