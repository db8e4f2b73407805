#include "tutti/train/buckets.hpp"

#include "tutti/data/error.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cctype>

namespace tutti {

namespace {

/// "bert.encoder.layer.3.output.dense.bias" -> 3
std::optional<std::size_t> layer_of(const std::string& name) {
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t end = std::min(name.find('.', at), name.size());
    const std::string word = name.substr(at, end - at);
    const bool digits = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
      return std::isdigit(static_cast<unsigned char>(c)) != 0;
    });
    if (digits) return static_cast<std::size_t>(std::stoul(word));
    at = end + 1;
  }
  return std::nullopt;
}

}  // namespace

std::vector<Bucket> make_buckets(const NamedTensors& parameters, std::int64_t bytes, int ranks,
                                 bool by_layer) {
  TUTTI_ASSERT(bytes > 0 && ranks > 0, "a bucket holds something, for somebody");
  const auto most = std::max<std::int64_t>(1, bytes / static_cast<std::int64_t>(sizeof(float)));
  std::vector<Bucket> buckets;
  for (std::size_t i = parameters.size(); i-- > 0;) {
    const auto layer = by_layer ? layer_of(parameters[i].first) : std::nullopt;
    const bool full =
        buckets.empty() || (by_layer ? buckets.back().layer != layer : buckets.back().size >= most);
    if (full) buckets.emplace_back().layer = layer;
    Bucket& bucket = buckets.back();
    const std::int64_t size = parameters[i].second.numel();
    bucket.parts.push_back({i, bucket.size, size});
    bucket.size += size;
  }
  std::int64_t begin = 0;
  for (Bucket& bucket : buckets) {
    bucket.begin = begin;
    bucket.size = (bucket.size + ranks - 1) / ranks * ranks;
    begin += bucket.size;
  }
  return buckets;
}

std::vector<ParameterSlice> slices_of_piece(const Bucket& bucket, const NamedTensors& parameters,
                                            int rank, int ranks, const at::Tensor& value,
                                            const at::Tensor& gradient) {
  const std::int64_t piece = bucket.size / ranks;
  const std::int64_t begin = piece * rank;
  std::vector<ParameterSlice> slices;
  for (const Bucket::Part& part : bucket.parts) {
    const std::int64_t from = std::max(part.begin, begin);
    const std::int64_t size = std::min(part.begin + part.size, begin + piece) - from;
    if (size <= 0) continue;
    slices.push_back({part.parameter, parameters[part.parameter].second.dim() >= 2,
                      value.narrow(0, from - begin, size), gradient.narrow(0, from - begin, size)});
  }
  return slices;
}

}  // namespace tutti
