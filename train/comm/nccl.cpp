#include "tutti/train/comm/nccl.hpp"

#include "tutti/data/error.hpp"
#include "tutti/train/comm/tensors.hpp"
#include "tutti/train/device.hpp"

#include <ATen/ATen.h>
#ifdef TUTTI_WITH_NCCL
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#include <nccl.h>
#endif

#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace tutti {

#ifdef TUTTI_WITH_NCCL

namespace {

constexpr auto kSleep = std::chrono::microseconds(20);

void cuda_check(cudaError_t code, const char* operation) {
  if (code == cudaSuccess) return;
  throw Error(Code::Resumable,
              std::string(operation) + " failed: CUDA: " + cudaGetErrorString(code),
              "run the same command again to resume");
}

ncclDataType_t nccl_type(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return ncclFloat32;
    case at::kDouble:
      return ncclFloat64;
    case at::kLong:
      return ncclInt64;
    default:
      return ncclBfloat16;
  }
}

class Event {
 public:
  Event() {
    cuda_check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "cudaEventCreate");
  }
  ~Event() {
    if (event_ != nullptr) cudaEventDestroy(event_);
  }
  Event(Event&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
  Event& operator=(Event&&) = delete;
  [[nodiscard]] cudaEvent_t get() const noexcept { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

class NcclCommunicator final : public Communicator {
 public:
  NcclCommunicator(std::unique_ptr<Communicator> control, int device,
                   std::chrono::milliseconds timeout)
      : control_(std::move(control)),
        device_(device),
        timeout_(timeout),
        stream_(c10::cuda::getStreamFromPool(/*isHighPriority=*/true,
                                             static_cast<c10::DeviceIndex>(device))) {
    const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device_));
    ncclUniqueId id{};
    std::exception_ptr failure;
    if (control_->rank() == 0) {
      try {
        check(ncclGetUniqueId(&id), "ncclGetUniqueId");
      } catch (...) {
        failure = std::current_exception();
      }
    }
    agree(*control_, failure);
    at::Tensor bytes = at::zeros({static_cast<std::int64_t>(sizeof(id) + 7) / 8}, at::kLong);
    std::memcpy(bytes.data_ptr(), &id, sizeof(id));
    control_->broadcast(bytes, 0);
    std::memcpy(&id, bytes.data_ptr(), sizeof(id));
    check(ncclCommInitRank(&comm_, control_->world_size(), id, control_->rank()),
          "ncclCommInitRank");
  }

  ~NcclCommunicator() override {
    // After a failure other ranks may never come: destroy would wait for them.
    if (comm_ != nullptr && !broken_) ncclCommDestroy(comm_);
  }
  NcclCommunicator(const NcclCommunicator&) = delete;
  NcclCommunicator& operator=(const NcclCommunicator&) = delete;

  [[nodiscard]] int rank() const noexcept override { return control_->rank(); }
  [[nodiscard]] int world_size() const noexcept override { return control_->world_size(); }

  void all_reduce_sum(at::Tensor& inout) override { start_all_reduce_sum(inout)->wait(); }

  void broadcast(at::Tensor& inout, int root) override {
    detail::check_collective_tensor(inout);
    if (!inout.is_cuda()) return control_->broadcast(inout, root);
    start("broadcast", {inout}, [&](cudaStream_t stream) {
      return ncclBroadcast(inout.data_ptr(), inout.data_ptr(), count(inout), type(inout), root,
                           comm_, stream);
    })->wait();
  }

  void all_gather(std::span<const std::byte> mine, std::span<std::byte> all) override {
    control_->all_gather(mine, all);
  }

  void barrier() override { control_->barrier(); }

  std::unique_ptr<Communicator> split(int colour, int key) override {
    return std::make_unique<NcclCommunicator>(control_->split(colour, key), device_, timeout_);
  }

  std::unique_ptr<Pending> start_all_reduce_sum(const at::Tensor& inout) override {
    detail::check_collective_tensor(inout);
    if (!inout.is_cuda()) return control_->start_all_reduce_sum(inout);
    return start("all_reduce_sum", {inout}, [&](cudaStream_t stream) {
      return ncclAllReduce(inout.data_ptr(), inout.data_ptr(), count(inout), type(inout), ncclSum,
                           comm_, stream);
    });
  }

  std::unique_ptr<Pending> start_reduce_scatter_sum(const at::Tensor& all,
                                                    const at::Tensor& mine) override {
    detail::check_pieces(all, mine, world_size());
    if (!all.is_cuda()) return control_->start_reduce_scatter_sum(all, mine);
    return start("reduce_scatter_sum", {all, mine}, [&](cudaStream_t stream) {
      return ncclReduceScatter(all.data_ptr(), mine.data_ptr(), count(mine), type(mine), ncclSum,
                               comm_, stream);
    });
  }

  std::unique_ptr<Pending> start_all_gather(const at::Tensor& mine,
                                            const at::Tensor& all) override {
    detail::check_pieces(all, mine, world_size());
    if (!all.is_cuda()) return control_->start_all_gather(mine, all);
    return start("all_gather of tensors", {mine, all}, [&](cudaStream_t stream) {
      return ncclAllGather(mine.data_ptr(), all.data_ptr(), count(mine), type(mine), comm_, stream);
    });
  }

  std::unique_ptr<Pending> start_send(const at::Tensor& values, int to) override {
    detail::check_collective_tensor(values);
    if (!values.is_cuda()) return control_->start_send(values, to);
    return start("send", {values}, [&](cudaStream_t stream) {
      return ncclSend(values.data_ptr(), count(values), type(values), to, comm_, stream);
    });
  }

  std::unique_ptr<Pending> start_receive(const at::Tensor& into, int from) override {
    detail::check_collective_tensor(into);
    if (!into.is_cuda()) return control_->start_receive(into, from);
    return start("receive", {into}, [&](cudaStream_t stream) {
      return ncclRecv(into.data_ptr(), count(into), type(into), from, comm_, stream);
    });
  }

 private:
  void check(ncclResult_t code, const char* operation) {
    if (code == ncclSuccess) return;
    broken_ = true;
    throw Error(Code::Resumable,
                "rank " + std::to_string(rank()) + " of " + std::to_string(world_size()) + ": " +
                    operation + " failed: NCCL: " + ncclGetErrorString(code),
                "run with NCCL_DEBUG=INFO to see more");
  }

  static std::size_t count(const at::Tensor& tensor) {
    return static_cast<std::size_t>(tensor.numel());
  }
  static ncclDataType_t type(const at::Tensor& tensor) { return nccl_type(tensor.scalar_type()); }

  // On a stream of its own, after what the current one has been given so far.
  template <class Launch>
  std::unique_ptr<Pending> start(const char* operation, std::vector<at::Tensor> tensors,
                                 Launch launch) {
    if (broken_) {
      throw Error(Code::Resumable, "rank " + std::to_string(rank()) + ": " + operation +
                                       " on a group that has already failed");
    }
    const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device_));
    Event inputs;
    Event done;
    const auto current = c10::cuda::getCurrentCUDAStream(static_cast<c10::DeviceIndex>(device_));
    cuda_check(cudaEventRecord(inputs.get(), current.stream()), operation);
    cuda_check(cudaStreamWaitEvent(stream_.stream(), inputs.get(), 0), operation);
    check(launch(stream_.stream()), operation);
    cuda_check(cudaEventRecord(done.get(), stream_.stream()), operation);
    return std::make_unique<InFlight>(*this, operation, std::move(tensors), std::move(done));
  }

  bool is_done(const Event& event, const char* operation) {
    const cudaError_t state = cudaEventQuery(event.get());
    if (state == cudaSuccess) return true;
    if (state != cudaErrorNotReady) cuda_check(state, operation);
    ncclResult_t failure = ncclSuccess;
    check(ncclCommGetAsyncError(comm_, &failure), operation);
    if (failure != ncclSuccess) abort();
    check(failure, operation);
    return false;
  }

  void wait_for(const Event& event, const char* operation) {
    const auto end = std::chrono::steady_clock::now() + timeout_;
    while (!is_done(event, operation)) {
      if (std::chrono::steady_clock::now() > end) {
        abort();
        throw Error(Code::Resumable,
                    "rank " + std::to_string(rank()) + ": " + operation + " did not end within " +
                        std::to_string(timeout_.count() / 1000) + " s",
                    "another rank has stopped or is slow; run the same command again to resume");
      }
      std::this_thread::sleep_for(kSleep);
    }
  }

  // Or the kernel would spin on the card for ever.
  void abort() {
    broken_ = true;
    ncclCommAbort(comm_);
    comm_ = nullptr;
  }

  class InFlight final : public Pending {
   public:
    InFlight(NcclCommunicator& group, const char* operation, std::vector<at::Tensor> tensors,
             Event done)
        : group_(group),
          operation_(operation),
          tensors_(std::move(tensors)),
          done_(std::move(done)) {}
    bool test() override { return group_.is_done(done_, operation_); }
    void wait() override { group_.wait_for(done_, operation_); }

   private:
    NcclCommunicator& group_;
    const char* operation_;
    std::vector<at::Tensor> tensors_;  ///< kept until the card has done with them
    Event done_;
  };

  std::unique_ptr<Communicator> control_;
  int device_;
  std::chrono::milliseconds timeout_;
  ncclComm_t comm_ = nullptr;
  c10::cuda::CUDAStream stream_;
  bool broken_ = false;
};

}  // namespace

std::unique_ptr<Communicator> make_nccl_communicator(std::unique_ptr<Communicator> control,
                                                     int device,
                                                     std::chrono::milliseconds timeout) {
  const int count = cuda_device_count();
  if (count == 0) {
    throw Error(Code::Config, "NCCL: no CUDA device on this host", "use communicator = \"mpi\"");
  }
  TUTTI_ASSERT(device >= 0 && device < count, "NCCL: device out of range");
  return std::make_unique<NcclCommunicator>(std::move(control), device, timeout);
}

#else

std::unique_ptr<Communicator> make_nccl_communicator(std::unique_ptr<Communicator> /*control*/,
                                                     int /*device*/,
                                                     std::chrono::milliseconds /*timeout*/) {
  throw Error(Code::Config, "built without NCCL", "use communicator = \"mpi\"");
}

#endif

}  // namespace tutti
