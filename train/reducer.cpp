#include "tutti/train/reducer.hpp"

#include "tutti/data/error.hpp"

#include <ATen/ATen.h>

#include <array>

namespace tutti {

namespace {

constexpr std::int64_t kSums = 4;
// Each sum travels as two floats, value and rest, so that fp32 does not round it.
constexpr std::int64_t kTail = 2 * kSums;

}  // namespace

struct Reducer::Impl {
  NamedTensors parameters;
  at::Tensor flat;  ///< gradients, then the tail
  std::int64_t values = 0;
  std::vector<at::Tensor> gradients;

  // A backward under some guard may have put another tensor in place of the view.
  void attach() {
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      parameters[i].second.mutable_grad() = gradients[i];
    }
  }
};

Reducer::Reducer(const NamedTensors& parameters) : impl_(std::make_unique<Impl>()) {
  impl_->parameters = parameters;
  for (const auto& [name, parameter] : parameters) {
    TUTTI_ASSERT(parameter.scalar_type() == at::kFloat, name + " is not fp32");
    impl_->values += parameter.numel();
  }
  const auto options = parameters.empty() ? at::TensorOptions(at::kFloat)
                                          : parameters.front().second.detach().options();
  impl_->flat = at::zeros({impl_->values + kTail}, options);
  std::int64_t begin = 0;
  for (const auto& [name, parameter] : parameters) {
    TUTTI_ASSERT(parameter.is_contiguous(), name + " is not contiguous");
    impl_->gradients.push_back(
        impl_->flat.narrow(0, begin, parameter.numel()).view(parameter.sizes()));
    begin += parameter.numel();
    parameter.requires_grad_(true);
  }
  impl_->attach();
}

Reducer::~Reducer() {
  for (auto& [name, parameter] : impl_->parameters) parameter.mutable_grad().reset();
}

const std::vector<at::Tensor>& Reducer::gradients() const noexcept { return impl_->gradients; }

void Reducer::clear() {
  impl_->flat.zero_();
  impl_->attach();
}

void Reducer::sum_over(Communicator& group, StepSums& sums) {
  for (std::size_t i = 0; i < impl_->parameters.size(); ++i) {
    TUTTI_ASSERT(impl_->parameters[i].second.grad().data_ptr() == impl_->gradients[i].data_ptr(),
                 "autograd has replaced the gradient of " + impl_->parameters[i].first);
  }
  const std::array<double*, kSums> all{&sums.loss, &sums.weight, &sums.failed, &sums.reported};
  std::array<float, kTail> tail{};
  for (std::size_t i = 0; i < kSums; ++i) {
    tail[2 * i] = static_cast<float>(*all[i]);
    tail[2 * i + 1] = static_cast<float>(*all[i] - static_cast<double>(tail[2 * i]));
  }
  at::Tensor place = impl_->flat.narrow(0, impl_->values, kTail);
  place.copy_(at::from_blob(tail.data(), {kTail}, at::kFloat));
  group.all_reduce_sum(impl_->flat);
  const at::Tensor summed = place.cpu();
  for (std::size_t i = 0; i < kSums; ++i) {
    *all[i] = static_cast<double>(summed.data_ptr<float>()[2 * i]) +
              static_cast<double>(summed.data_ptr<float>()[2 * i + 1]);
  }
}

double Reducer::gradient_norm() const {
  return impl_->flat.narrow(0, 0, impl_->values).norm().item<double>();
}

}  // namespace tutti
