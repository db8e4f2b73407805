#include "tutti/train/device.hpp"

#include "tutti/data/error.hpp"

#include <c10/core/Device.h>
#ifdef TUTTI_WITH_NCCL
#include <cuda_runtime_api.h>
#include <dlfcn.h>
#endif

#include <string>

namespace tutti {

#ifdef TUTTI_WITH_NCCL

namespace {

void open_torch_cuda() {
  // Its static initialisers register the CUDA kernels. Never closed: they stay registered.
  const char* const library = TUTTI_TORCH_LIB "/libtorch_cuda.so";
  if (dlopen(library, RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    throw Error(Code::Config, std::string("LibTorch's CUDA library does not open: ") + dlerror(),
                "use device = \"cpu\", or install the whole torch wheel");
  }
}

}  // namespace

int cuda_device_count() noexcept {
  int count = 0;  // cudaGetDeviceCount leaves it as it is when there is no driver
  return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

#else

namespace {
void open_torch_cuda() {}
}  // namespace

int cuda_device_count() noexcept { return 0; }

#endif

c10::Device choose_device(std::string_view name, int local_rank) {
  if (name != "cpu" && name != "cuda" && name != "auto") {
    throw Error(Code::Config, "unknown device '" + std::string(name) + "'",
                "known: auto, cpu, cuda");
  }
  const int count = name == "cpu" ? 0 : cuda_device_count();
  if (count > 0) {
    open_torch_cuda();
    return {c10::kCUDA, static_cast<c10::DeviceIndex>(local_rank % count)};
  }
  if (name == "cuda") {
    throw Error(Code::Config, "no CUDA device on this host, or built without CUDA",
                "use device = \"cpu\" or \"auto\"");
  }
  return {c10::kCPU};
}

}  // namespace tutti
