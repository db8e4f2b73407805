#pragma once

namespace at {
class Tensor;
}

namespace tutti::detail {

/// Asserts what every collective asks of a tensor: defined, contiguous, and of one of the four
/// types that Communicator names.
void check_collective_tensor(const at::Tensor& tensor);

/// The same, and in the memory of the host.
void check_host_tensor(const at::Tensor& tensor);

}  // namespace tutti::detail
