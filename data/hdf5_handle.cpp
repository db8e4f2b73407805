#include "tutti/data/hdf5_handle.hpp"

namespace tutti::hdf5 {

namespace {
constexpr std::size_t kGrowth = 1 << 20;  // bytes by which the image in memory grows

void set_version(const Handle& access) {
  check(H5Pset_libver_bounds(access.id(), H5F_LIBVER_LATEST, H5F_LIBVER_LATEST), Code::Internal,
        "format version");
}

}  // namespace

std::unique_lock<std::recursive_mutex> lock() {
  static std::recursive_mutex mutex;
  std::unique_lock<std::recursive_mutex> held(mutex);
  // Errors are thrown, not printed; filters from elsewhere are code from elsewhere.
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  H5PLset_loading_state(0);
  return held;
}

std::string fresh_name() {
  static std::uint64_t files = 0;
  return "/dev/null/tutti-" + std::to_string(files++);
}

std::string reason() {
  std::string text;
  H5Ewalk2(
      H5E_DEFAULT, H5E_WALK_UPWARD,
      [](unsigned level, const H5E_error2_t* error, void* out) -> herr_t {
        if (level == 0 && error->desc != nullptr) *static_cast<std::string*>(out) = error->desc;
        return 0;
      },
      &text);
  H5Eclear2(H5E_DEFAULT);
  return text.empty() ? "unknown reason" : text;
}

Handle properties(hid_t kind) { return {H5Pcreate(kind), H5Pclose, Code::Internal, "properties"}; }

Handle memory_access() {
  Handle access = properties(H5P_FILE_ACCESS);
  check(H5Pset_fapl_core(access.id(), kGrowth, 0), Code::Internal, "memory driver");
  set_version(access);
  return access;
}

Handle disk_access() {
  Handle access = properties(H5P_FILE_ACCESS);
  check(H5Pset_file_locking(access.id(), 0, 1), Code::Internal, "file locking");
  set_version(access);
  return access;
}

}  // namespace tutti::hdf5
