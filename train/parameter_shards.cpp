#include "tutti/train/parameter_shards.hpp"

#include "tutti/data/error.hpp"

#include <ATen/ATen.h>
#include <c10/core/Allocator.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <string>

namespace tutti {

struct ParameterShards::Impl {
  Communicator& group;
  NamedTensors parameters;
  std::vector<Bucket> buckets;
  bool release, checkpoint;

  std::vector<at::Tensor> whole;   ///< [bucket] the storage that its parameters are views of
  std::vector<at::Tensor> pieces;  ///< [bucket]
  std::vector<bool> there;         ///< [bucket]
  std::vector<std::size_t> order;  ///< buckets of layers as a pass uses them, forward then backward
  std::size_t next = 0;            ///< in order
  std::int64_t bytes = 0, most_bytes = 0;

  Impl(Communicator& of, const NamedTensors& all, const std::vector<Bucket>& in, bool let_go,
       bool recompute)
      : group(of),
        parameters(all),
        buckets(in),
        release(let_go),
        checkpoint(recompute),
        there(in.size(), true) {
    const c10::NoGradGuard no_grad;
    std::vector<std::size_t> layers;
    for (std::size_t b = 0; b < buckets.size(); ++b) {
      take(b);
      if (!release) continue;
      let_go_of(b);
      if (buckets[b].layer) layers.push_back(b);
    }
    std::sort(layers.begin(), layers.end(),
              [&](std::size_t a, std::size_t b) { return buckets[a].layer < buckets[b].layer; });
    order = layers;
    order.insert(order.end(), layers.rbegin(), layers.rend());
  }

  // Values into the bucket's own memory, and parameters onto it.
  void take(std::size_t b) {
    const Bucket& bucket = buckets[b];
    at::Tensor first = parameters[bucket.parts.front().parameter].second;
    whole.push_back(at::zeros({bucket.size}, first.detach().options()));
    for (const Bucket::Part& part : bucket.parts) {
      at::Tensor parameter = parameters[part.parameter].second;
      const at::Tensor place = whole[b].narrow(0, part.begin, part.size).view(parameter.sizes());
      place.copy_(parameter.detach());
      parameter.set_data(place);
    }
    const std::int64_t size = bucket.size / group.world_size();
    const at::Tensor mine = whole[b].narrow(0, size * group.rank(), size);
    pieces.push_back(release ? mine.clone() : mine);
    count(static_cast<std::int64_t>(whole[b].nbytes()));
    if (release) count(static_cast<std::int64_t>(pieces[b].nbytes()));
  }

  void count(std::int64_t more) {
    bytes += more;
    most_bytes = std::max(most_bytes, bytes);
  }

  [[nodiscard]] std::int64_t bytes_of(std::size_t b) const {
    return buckets[b].size * static_cast<std::int64_t>(sizeof(float));
  }

  // The storage object stays, and all views of it, those that autograd has saved too.
  void let_go_of(std::size_t b) {
    if (!there[b]) return;
    c10::StorageImpl* const storage = whole[b].storage().unsafeGetStorageImpl();
    storage->set_data_ptr_noswap(c10::DataPtr(nullptr, whole[b].device()));
    storage->set_nbytes(0);
    there[b] = false;
    count(-bytes_of(b));
  }

  void fetch(std::size_t b) {
    if (there[b]) return;
    c10::StorageImpl* const storage = whole[b].storage().unsafeGetStorageImpl();
    const auto size = static_cast<std::size_t>(bytes_of(b));
    storage->set_data_ptr_noswap(c10::GetAllocator(whole[b].device().type())->allocate(size));
    storage->set_nbytes(size);
    there[b] = true;
    count(bytes_of(b));
    group.start_all_gather(pieces[b], whole[b])->wait();
  }

  void enter(std::size_t layer) {
    if (next == order.size() || buckets[order[next]].layer != layer) {
      throw Error(Code::Config,
                  "shard = \"parameters\" needs a model that runs each layer once, in order",
                  "use shard = \"gradients\"");
    }
    fetch(order[next++]);
  }

  void leave(std::size_t layer) {
    for (std::size_t b = 0; b < buckets.size(); ++b) {
      if (buckets[b].layer == layer) let_go_of(b);
    }
  }
};

ParameterShards::ParameterShards(Communicator& group, const NamedTensors& parameters,
                                 const std::vector<Bucket>& buckets, bool release, bool checkpoint)
    : impl_(std::make_unique<Impl>(group, parameters, buckets, release, checkpoint)) {}

ParameterShards::~ParameterShards() = default;

const std::vector<at::Tensor>& ParameterShards::pieces() const noexcept { return impl_->pieces; }

void ParameterShards::begin_step() {
  if (!impl_->release) return;
  for (std::size_t b = 0; b < impl_->buckets.size(); ++b) {
    if (!impl_->buckets[b].layer) impl_->fetch(b);
  }
}

void ParameterShards::begin_pass() { impl_->next = 0; }

void ParameterShards::end_pass() {
  if (!impl_->release) return;
  while (impl_->next < impl_->order.size()) {
    const std::size_t b = impl_->order[impl_->next++];
    impl_->let_go_of(b);  // or a rank that holds it would not take part
    impl_->fetch(b);
    impl_->let_go_of(b);
  }
  for (const std::size_t b : impl_->order) impl_->let_go_of(b);
}

void ParameterShards::end_step() {
  if (!impl_->release) return;
  for (std::size_t b = 0; b < impl_->buckets.size(); ++b) impl_->let_go_of(b);
}

void ParameterShards::publish() {
  const c10::NoGradGuard no_grad;
  if (!impl_->release) {
    std::vector<std::unique_ptr<Pending>> started;
    for (std::size_t b = 0; b < impl_->buckets.size(); ++b) {
      started.push_back(impl_->group.start_all_gather(impl_->pieces[b], impl_->whole[b]));
    }
    for (const auto& gather : started) gather->wait();
  }
  // Written past autograd: whoever keeps something made of a parameter must see that it changed.
  for (const auto& [name, parameter] : impl_->parameters) {
    parameter.unsafeGetTensorImpl()->bump_version();
  }
}

void ParameterShards::restore() {
  for (std::size_t b = 0; b < impl_->buckets.size(); ++b) {
    impl_->fetch(b);
    impl_->pieces[b].reset();
  }
}

at::Tensor ParameterShards::run(std::size_t layer, const at::Tensor& x,
                                const LayerFunction& function) {
  const auto before = [this, layer] { impl_->enter(layer); };
  const auto after = [this, layer] { impl_->leave(layer); };
  if (!impl_->release) {
    return impl_->checkpoint ? run_checkpointed(x, function, {}, {}) : function(x);
  }
  return impl_->checkpoint ? run_checkpointed(x, function, before, after)
                           : run_between(x, function, before, after);
}

std::int64_t ParameterShards::bytes() const noexcept { return impl_->most_bytes; }

}  // namespace tutti
