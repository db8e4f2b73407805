#pragma once

// Only for the .cpp files of the trainer: this header includes LibTorch.

#include "tutti/train/optimizer.hpp"

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tutti {

/// Parameters whose gradients are summed at once. All of a model's buckets lie one after the other
/// in one flat range of values.
struct Bucket {
  struct Part {
    std::size_t parameter = 0;  ///< number in the list
    std::int64_t begin = 0;     ///< in the bucket
    std::int64_t size = 0;
  };
  std::vector<Part> parts;
  std::int64_t begin = 0;            ///< in the flat range
  std::int64_t size = 0;             ///< values, padded to a whole piece for each rank
  std::optional<std::size_t> layer;  ///< when made by layer: of a layer's own bucket
};

/// In reverse order of the parameters, which is about the order in which backward reaches them. A
/// bucket is closed when it holds `bytes` of fp32 values; or, `by_layer`, where a layer begins or
/// ends: then each layer's parameters ("..layer.3..") are one bucket.
std::vector<Bucket> make_buckets(const NamedTensors& parameters, std::int64_t bytes, int ranks,
                                 bool by_layer);

/// A part of a parameter that a rank updates: 1-D or whole, gradient of the same shape.
struct ParameterSlice {
  std::size_t parameter = 0;  ///< number in the list
  bool matrix = false;        ///< the whole parameter has two dimensions or more
  at::Tensor value, gradient;
};

/// The slices of piece `rank` of a bucket: where its parameters meet the piece. `value` and
/// `gradient` [size / ranks] hold the piece.
std::vector<ParameterSlice> slices_of_piece(const Bucket& bucket, const NamedTensors& parameters,
                                            int rank, int ranks, const at::Tensor& value,
                                            const at::Tensor& gradient);

}  // namespace tutti
