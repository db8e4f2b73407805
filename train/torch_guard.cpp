#include "tutti/train/torch_guard.hpp"

#include "tutti/data/error.hpp"

#include <c10/util/Exception.h>

#include <new>

namespace tutti {

void rethrow_translated(const std::string& where) {
  try {
    throw;
  } catch (const c10::OutOfMemoryError&) {
    throw std::bad_alloc();
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    // The CPU allocator has no type of its own for this.
    if (text.find("can't allocate memory") != std::string::npos) throw std::bad_alloc();
    throw Error(Code::Internal, where + ": LibTorch: " + text.substr(0, text.find('\n')));
  }
}

}  // namespace tutti
