#pragma once

#include <cstdint>
#include <vector>

namespace at {
class Tensor;
}

namespace tutti::detail {

/// Asserts what every collective asks of a tensor: defined, contiguous, and of one of the four
/// types that Communicator names.
void check_collective_tensor(const at::Tensor& tensor);

/// Asserts that `all` is one piece as large as `mine` for each of `ranks` ranks; values of a piece.
std::int64_t check_pieces(const at::Tensor& all, const at::Tensor& mine, int ranks);

/// The same as check_collective_tensor, and in the memory of the host.
void check_host_tensor(const at::Tensor& tensor);

/// Values into a tensor of as many, which may be the same memory. No part of any graph.
void copy_values(const at::Tensor& from, const at::Tensor& to);

/// Adds tensors of one size in their order, bfloat16 in fp32 with one rounding at the end, into
/// `out`, which may be one of them. No part of any graph.
void sum_in_order(const std::vector<at::Tensor>& parts, const at::Tensor& out);

}  // namespace tutti::detail
