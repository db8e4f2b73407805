#include "tutti/train/reducer.hpp"

#include "tutti/data/error.hpp"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <utility>

namespace tutti {

namespace {

using Clock = std::chrono::steady_clock;

// Where gradients are dropped: more would be kept while one rank is ahead of the others.
constexpr std::size_t kMostInFlight = 2;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// One fp32 sum over tens of millions of squares is off in its third digit: rows first, then double.
double norm_of(const at::Tensor& values) {
  constexpr std::int64_t kRow = 4096;
  const std::int64_t whole = values.numel() / kRow * kRow;
  const at::Tensor rows = values.narrow(0, 0, whole).view({-1, kRow}).norm(2, 1).to(at::kDouble);
  const at::Tensor rest = values.narrow(0, whole, values.numel() - whole).norm().to(at::kDouble);
  return std::hypot(rows.norm().item<double>(), rest.item<double>());
}

/// Called by autograd when a parameter's gradient of one backward pass is whole.
class WhenWhole final : public torch::autograd::PostAccumulateGradHook {
 public:
  explicit WhenWhole(std::function<void()> call) : call_(std::move(call)) {}
  void operator()(const at::Tensor& /*parameter*/) override { call_(); }

 private:
  std::function<void()> call_;
};

/// A bucket on its way.
struct Flight {
  std::size_t bucket = 0;
  at::Tensor sent;  ///< what ranks sum: gradients, or bfloat16 copies of them
  at::Tensor got;   ///< with pieces: the sum of this rank's piece
  std::unique_ptr<Pending> pending;
};

}  // namespace

struct Reducer::Impl {
  Communicator& group;
  NamedTensors parameters;
  std::vector<Bucket> buckets;
  ReducerOptions options;

  std::vector<std::size_t> bucket_of;  ///< [parameter]
  std::vector<std::int64_t> begin_of;  ///< [parameter] in its bucket
  std::vector<at::Tensor> whole;       ///< [bucket] its gradients; with drop_rest while they arrive
  std::vector<at::Tensor> gradients;   ///< [parameter] views, without drop_rest
  std::vector<at::Tensor> pieces;      ///< [bucket]
  at::Tensor flat;

  bool learning = true;              ///< the first pass with a backward is not over
  bool summing = false;              ///< ranks sum in this pass
  std::vector<bool> expected;        ///< [parameter] backward reaches it
  std::vector<bool> arrived;         ///< [parameter] in this pass
  std::size_t started = 0;           ///< buckets of this pass: always the first so many
  std::vector<std::size_t> missing;  ///< [bucket] expected gradients that have not arrived
  std::string late;                  ///< a parameter whose gradient came too late
  std::vector<Flight> flights;

  Clock::time_point busy_since;
  Traffic now, last;
  std::int64_t bytes = 0, most_bytes = 0;

  Impl(Communicator& of, const NamedTensors& all, const std::vector<Bucket>& in,
       const ReducerOptions& how)
      : group(of),
        parameters(all),
        buckets(in),
        options(how),
        bucket_of(all.size()),
        begin_of(all.size()),
        whole(in.size()),
        expected(all.size(), true),
        arrived(all.size(), false),
        missing(in.size(), 0) {
    for (const auto& [name, parameter] : parameters) {
      TUTTI_ASSERT(parameter.scalar_type() == at::kFloat, name + " is not fp32");
      TUTTI_ASSERT(parameter.is_contiguous(), name + " is not contiguous");
      parameter.requires_grad_(true);
    }
    for (std::size_t b = 0; b < buckets.size(); ++b) {
      for (const Bucket::Part& part : buckets[b].parts) {
        bucket_of[part.parameter] = b;
        begin_of[part.parameter] = part.begin;
      }
    }
    allocate();
    for (std::size_t p = 0; p < parameters.size(); ++p) {
      torch::autograd::impl::set_post_acc_grad_hooks(
          parameters[p].second, std::make_unique<WhenWhole>([this, p] { arrive(p); }));
    }
  }

  ~Impl() {
    for (auto& [name, parameter] : parameters) {
      torch::autograd::impl::set_post_acc_grad_hooks(parameter, nullptr);
      parameter.mutable_grad().reset();
    }
  }

  [[nodiscard]] at::TensorOptions like_parameters() const {
    return parameters.empty() ? at::TensorOptions(at::kFloat)
                              : parameters.front().second.detach().options();
  }

  void count(std::int64_t values) {
    bytes += values * static_cast<std::int64_t>(sizeof(float));
    most_bytes = std::max(most_bytes, bytes);
  }

  at::Tensor make(std::int64_t values) {
    count(values);
    return at::zeros({values}, like_parameters());
  }

  void drop(at::Tensor& values) {
    bytes -= static_cast<std::int64_t>(values.nbytes());
    values.reset();
  }

  void allocate() {
    const int ranks = group.world_size();
    if (!options.drop_rest) {
      const std::int64_t values = buckets.empty() ? 0 : buckets.back().begin + buckets.back().size;
      flat = make(values);
      for (std::size_t b = 0; b < buckets.size(); ++b) {
        whole[b] = flat.narrow(0, buckets[b].begin, buckets[b].size);
      }
      for (std::size_t p = 0; p < parameters.size(); ++p) {
        const at::Tensor& parameter = parameters[p].second;
        gradients.push_back(
            whole[bucket_of[p]].narrow(0, begin_of[p], parameter.numel()).view(parameter.sizes()));
      }
    }
    if (!options.pieces) return;
    for (std::size_t b = 0; b < buckets.size(); ++b) {
      const std::int64_t size = buckets[b].size / ranks;
      pieces.push_back(options.drop_rest ? make(size)
                                         : whole[b].narrow(0, size * group.rank(), size));
    }
  }

  // A backward under some guard may have put another tensor in place of the view.
  void attach() {
    for (std::size_t p = 0; p < parameters.size(); ++p) {
      parameters[p].second.mutable_grad() = options.drop_rest ? at::Tensor() : gradients[p];
    }
  }

  void begin_pass(bool is_last) {
    summing = is_last || options.drop_rest;
    started = 0;
    arrived.assign(parameters.size(), false);
    for (std::size_t b = 0; b < buckets.size(); ++b) {
      missing[b] = static_cast<std::size_t>(
          std::count_if(buckets[b].parts.begin(), buckets[b].parts.end(),
                        [&](const Bucket::Part& part) { return expected[part.parameter]; }));
    }
  }

  // In the thread that runs backward.
  void arrive(std::size_t p) {
    const c10::NoGradGuard no_grad;
    const std::size_t b = bucket_of[p];
    if (summing && b < started) {
      late = parameters[p].first;
      return;
    }
    if (options.drop_rest) {
      at::Tensor& gradient = parameters[p].second.mutable_grad();
      if (!whole[b].defined() && gradient.numel() == buckets[b].size && gradient.is_contiguous()) {
        whole[b] = gradient.view({-1});  // a bucket of its own, as the embedding often has
        count(buckets[b].size);
      } else {
        if (!whole[b].defined()) whole[b] = make(buckets[b].size);
        whole[b].narrow(0, begin_of[p], gradient.numel()).add_(gradient.reshape({-1}));
      }
      gradient.reset();
    } else {
      TUTTI_ASSERT(parameters[p].second.grad().data_ptr() == gradients[p].data_ptr(),
                   "autograd has replaced the gradient of " + parameters[p].first);
    }
    if (arrived[p]) return;
    arrived[p] = true;
    if (expected[p]) --missing[b];
    if (!summing || !options.overlap) return;
    while (started < buckets.size() && missing[started] == 0) start();
    poll();
  }

  // The next bucket: in one order on all ranks.
  void start() {
    const c10::NoGradGuard no_grad;
    while (options.drop_rest && flights.size() >= kMostInFlight) {
      flights.front().pending->wait();
      poll();
    }
    Flight flight;
    flight.bucket = started++;
    const Bucket& bucket = buckets[flight.bucket];
    at::Tensor& values = whole[flight.bucket];
    if (!values.defined()) values = make(bucket.size);  // no gradient here: a part of zero
    flight.sent = options.bf16_wire ? values.to(at::kBFloat16) : values;
    if (flights.empty()) busy_since = Clock::now();
    if (options.pieces) {
      const std::int64_t size = bucket.size / group.world_size();
      flight.got = flight.sent.narrow(0, size * group.rank(), size);
      flight.pending = group.start_reduce_scatter_sum(flight.sent, flight.got);
    } else {
      flight.pending = group.start_all_reduce_sum(flight.sent);
    }
    flights.push_back(std::move(flight));
  }

  void land(Flight& flight) {
    const c10::NoGradGuard no_grad;
    at::Tensor& values = whole[flight.bucket];
    if (options.drop_rest) {
      pieces[flight.bucket].add_(flight.got);
      drop(values);
    } else if (options.bf16_wire) {
      (options.pieces ? pieces[flight.bucket] : values)
          .copy_(options.pieces ? flight.got : flight.sent);
    }
  }

  void poll() {
    if (flights.empty()) return;
    std::erase_if(flights, [&](Flight& flight) {
      if (!flight.pending->test()) return false;
      land(flight);
      return true;
    });
    if (flights.empty()) now.seconds += seconds_since(busy_since);
  }

  void wait() {
    if (flights.empty()) return;
    const auto begin = Clock::now();
    for (Flight& flight : flights) {
      flight.pending->wait();
      land(flight);
    }
    flights.clear();
    now.seconds += seconds_since(busy_since);
    now.waited += seconds_since(begin);
  }

  void end_pass() {
    if (std::find(arrived.begin(), arrived.end(), true) != arrived.end()) {
      if (learning) expected = arrived;
      learning = false;
    }
    if (!summing) return;
    while (started < buckets.size()) start();
    if (options.drop_rest) wait();
  }
};

Reducer::Reducer(Communicator& group, const NamedTensors& parameters,
                 const std::vector<Bucket>& buckets, const ReducerOptions& options)
    : impl_(std::make_unique<Impl>(group, parameters, buckets, options)) {
  TUTTI_ASSERT(options.pieces || !options.drop_rest, "without pieces all gradients are kept");
}

Reducer::~Reducer() = default;

void Reducer::begin_step() {
  impl_->now = {};
  if (impl_->flat.defined()) impl_->flat.zero_();
  if (impl_->options.drop_rest) {
    for (at::Tensor& piece : impl_->pieces) piece.zero_();
  }
  impl_->attach();
}

void Reducer::begin_pass(bool last) { impl_->begin_pass(last); }
void Reducer::end_pass() { impl_->end_pass(); }

void Reducer::sum_over(StepSums& sums) {
  impl_->wait();
  // On the host, and in double: 4 values.
  at::Tensor values = at::tensor({sums.loss, sums.weight, sums.failed, sums.reported}, at::kDouble);
  impl_->group.all_reduce_sum(values);
  const auto* const all = values.const_data_ptr<double>();
  sums = {all[0], all[1], all[2], all[3]};
  impl_->last = impl_->now;
}

void Reducer::check_late() const {
  if (impl_->late.empty()) return;
  throw Error(Code::Internal,
              "the gradient of " + impl_->late + " came after ranks had summed its bucket",
              "the loss reaches other parameters than in the first pass; train on one rank");
}

double Reducer::gradient_norm() {
  if (!impl_->options.pieces) return norm_of(impl_->flat);
  double squares = 0;
  for (const at::Tensor& piece : impl_->pieces) {
    const double norm = norm_of(piece);
    squares += norm * norm;
  }
  at::Tensor sum = at::full({1}, squares, at::kDouble);
  impl_->group.all_reduce_sum(sum);
  return std::sqrt(sum.item<double>());
}

const std::vector<at::Tensor>& Reducer::gradients() const noexcept { return impl_->gradients; }
const std::vector<at::Tensor>& Reducer::pieces() const noexcept { return impl_->pieces; }
Traffic Reducer::traffic() const noexcept { return impl_->last; }
std::int64_t Reducer::bytes() const noexcept { return impl_->most_bytes; }

}  // namespace tutti
