#include "tutti/train/comm/tensors.hpp"

#include "tutti/data/error.hpp"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

namespace tutti::detail {

void check_collective_tensor(const at::Tensor& tensor) {
  TUTTI_ASSERT(tensor.defined() && tensor.is_contiguous(), "a collective needs contiguous values");
  const at::ScalarType type = tensor.scalar_type();
  TUTTI_ASSERT(
      type == at::kFloat || type == at::kDouble || type == at::kLong || type == at::kBFloat16,
      "a collective over a type that Communicator does not name");
}

std::int64_t check_pieces(const at::Tensor& all, const at::Tensor& mine, int ranks) {
  check_collective_tensor(all);
  check_collective_tensor(mine);
  TUTTI_ASSERT(all.scalar_type() == mine.scalar_type(), "pieces of another type than the whole");
  TUTTI_ASSERT(all.numel() == mine.numel() * ranks, "the whole is not one piece a rank");
  return mine.numel();
}

void check_host_tensor(const at::Tensor& tensor) {
  check_collective_tensor(tensor);
  TUTTI_ASSERT(tensor.is_cpu(), "this group sums values in the memory of the host");
}

void copy_values(const at::Tensor& from, const at::Tensor& to) {
  if (from.data_ptr() == to.data_ptr()) return;
  const c10::NoGradGuard no_grad;
  to.view(-1).copy_(from.view(-1));
}

void sum_in_order(const std::vector<at::Tensor>& parts, const at::Tensor& out) {
  const c10::NoGradGuard no_grad;
  const bool narrow = out.scalar_type() == at::kBFloat16;
  // A copy, for `out` may be a part that is still to be read.
  at::Tensor sum = parts.front().to(narrow ? at::kFloat : out.scalar_type(),
                                    /*non_blocking=*/false, /*copy=*/true);
  for (std::size_t i = 1; i < parts.size(); ++i) sum.add_(parts[i]);
  out.copy_(sum);
}

}  // namespace tutti::detail
