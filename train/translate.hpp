#pragma once

#include "tutti/data/error.hpp"

#include <exception>

namespace tutti {

/// What a caught exception means to a user: an Error as it is; "out of memory" for std::bad_alloc
/// and for LibTorch's allocator; else Error(Internal) with the first line of the text, for LibTorch
/// appends a backtrace.
Error to_error(const std::exception_ptr& caught);

}  // namespace tutti
