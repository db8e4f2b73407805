#include "tutti/train/translate.hpp"

#include <ATen/ATen.h>

#include <new>
#include <string>

namespace tutti {

namespace {

Error out_of_memory() {
  return {Code::Internal, "out of memory",
          "lower micro_batch_tokens or max_length, or put fewer ranks on this machine"};
}

Error from_text(const std::string& text) {
  // LibTorch's own words for a failed malloc; it has no type for it on the CPU.
  if (text.find("DefaultCPUAllocator: can't allocate memory") != std::string::npos ||
      text.find("DefaultCPUAllocator: not enough memory") != std::string::npos) {
    return out_of_memory();
  }
  return {Code::Internal, text.substr(0, text.find('\n'))};
}

}  // namespace

Error to_error(const std::exception_ptr& caught) {
  try {
    std::rethrow_exception(caught);
  } catch (const Error& error) {
    return error;
  } catch (const c10::OutOfMemoryError&) {
    return out_of_memory();
  } catch (const c10::Error& error) {
    return from_text(error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  } catch (const std::exception& error) {
    return from_text(error.what());
  } catch (...) {
    return {Code::Internal, "an exception of unknown type"};
  }
}

}  // namespace tutti
