#pragma once

#include <string_view>

namespace c10 {
struct Device;
}

namespace tutti {

/// CUDA devices that this process can use: 0 in a build without CUDA, without a driver, or without
/// a card. Opens no library and starts no context.
int cuda_device_count() noexcept;

/// The device that a rank computes on. `name`: "cpu", "cuda" (card local_rank modulo their number)
/// or "auto" (cuda where there is a card, else cpu). For a CUDA device, opens LibTorch's CUDA
/// library, which the program is not linked to: it would cost every start 0.1 s and 370 MB.
/// Throws Error(Config) for another name, for "cuda" in a build without it or on a host without a
/// card, and where the library does not open.
c10::Device choose_device(std::string_view name, int local_rank);

}  // namespace tutti
