#include "tutti/train/comm/nccl.hpp"

#include "tutti/data/error.hpp"
#include "tutti/train/comm/tensor_check.hpp"
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

class NcclCommunicator final : public Communicator {
 public:
  NcclCommunicator(std::unique_ptr<Communicator> control, int device,
                   std::chrono::milliseconds timeout)
      : control_(std::move(control)), device_(device), timeout_(timeout) {
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
    cuda_check(cudaEventCreateWithFlags(&done_, cudaEventDisableTiming), "cudaEventCreate");
  }

  ~NcclCommunicator() override {
    if (done_ != nullptr) cudaEventDestroy(done_);
    // After a failure other ranks may never come: destroy would wait for them.
    if (comm_ != nullptr && !broken_) ncclCommDestroy(comm_);
  }
  NcclCommunicator(const NcclCommunicator&) = delete;
  NcclCommunicator& operator=(const NcclCommunicator&) = delete;

  [[nodiscard]] int rank() const noexcept override { return control_->rank(); }
  [[nodiscard]] int world_size() const noexcept override { return control_->world_size(); }

  void all_reduce_sum(at::Tensor& inout) override {
    detail::check_collective_tensor(inout);
    if (!inout.is_cuda()) return control_->all_reduce_sum(inout);
    on_stream("all_reduce_sum", [&](cudaStream_t stream) {
      return ncclAllReduce(inout.data_ptr(), inout.data_ptr(),
                           static_cast<std::size_t>(inout.numel()), nccl_type(inout.scalar_type()),
                           ncclSum, comm_, stream);
    });
  }

  void broadcast(at::Tensor& inout, int root) override {
    detail::check_collective_tensor(inout);
    if (!inout.is_cuda()) return control_->broadcast(inout, root);
    on_stream("broadcast", [&](cudaStream_t stream) {
      return ncclBroadcast(inout.data_ptr(), inout.data_ptr(),
                           static_cast<std::size_t>(inout.numel()), nccl_type(inout.scalar_type()),
                           root, comm_, stream);
    });
  }

  void all_gather(std::span<const std::byte> mine, std::span<std::byte> all) override {
    control_->all_gather(mine, all);
  }

  void barrier() override { control_->barrier(); }

  std::unique_ptr<Communicator> split(int colour, int key) override {
    return std::make_unique<NcclCommunicator>(control_->split(colour, key), device_, timeout_);
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

  template <class Launch>
  void on_stream(const char* operation, Launch launch) {
    const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device_));
    const auto stream = c10::cuda::getCurrentCUDAStream(static_cast<c10::DeviceIndex>(device_));
    check(launch(stream.stream()), operation);
    cuda_check(cudaEventRecord(done_, stream.stream()), operation);
    const auto end = std::chrono::steady_clock::now() + timeout_;
    while (true) {
      const cudaError_t state = cudaEventQuery(done_);
      if (state == cudaSuccess) return;
      if (state != cudaErrorNotReady) cuda_check(state, operation);
      ncclResult_t failure = ncclSuccess;
      check(ncclCommGetAsyncError(comm_, &failure), operation);
      const bool late = std::chrono::steady_clock::now() > end;
      if (failure != ncclSuccess || late) {
        broken_ = true;
        ncclCommAbort(comm_);  // or the kernel would spin on the card for ever
        comm_ = nullptr;
      }
      check(failure, operation);
      if (late) {
        throw Error(Code::Resumable,
                    "rank " + std::to_string(rank()) + ": " + operation + " did not end within " +
                        std::to_string(timeout_.count() / 1000) + " s",
                    "another rank has stopped or is slow; run the same command again to resume");
      }
      std::this_thread::sleep_for(kSleep);
    }
  }

  std::unique_ptr<Communicator> control_;
  int device_;
  std::chrono::milliseconds timeout_;
  ncclComm_t comm_ = nullptr;
  cudaEvent_t done_ = nullptr;
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
