#pragma once

#include <string>
#include <utility>

namespace tutti {

/// Called inside a catch block: throws the current exception again in our terms. LibTorch's errors
/// become Error(Internal) with the first line of their text; its out-of-memory errors become
/// std::bad_alloc, whatever the device; every other exception is left as it is.
[[noreturn]] void rethrow_translated(const std::string& where);

/// Runs `work`, so that nothing above train/ sees an exception of LibTorch. `where` begins the
/// line.
template <class Work>
auto torch_guard(const std::string& where, Work&& work) -> decltype(work()) {
  try {
    return std::forward<Work>(work)();
  } catch (...) {
    rethrow_translated(where);
  }
}

}  // namespace tutti
