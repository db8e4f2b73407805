#pragma once

#include <string>

namespace tutti {

/// "0.1.0"
std::string tutti_version();
/// Of LibTorch.
std::string torch_version();
/// "CPU only" or "CPU, CUDA and NCCL".
std::string accelerators();
/// Compiler and build type, for provenance.
std::string build_description();

}  // namespace tutti
