#include "tutti/data/hdf5.hpp"

#include "tutti/data/error.hpp"

#include <hdf5.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

namespace tutti {

namespace {

constexpr hsize_t kChunk = 1 << 16;            // elements
constexpr std::size_t kGrowth = 1 << 20;       // bytes by which the image in memory grows
constexpr std::uint64_t kMaxExpansion = 1024;  // no filter makes data so many times smaller

// The library has one state for the whole process and Debian's is not thread-safe.
std::unique_lock<std::recursive_mutex> lock() {
  static std::recursive_mutex mutex;
  std::unique_lock<std::recursive_mutex> held(mutex);
  // Errors are thrown, not printed; filters from elsewhere are code from elsewhere.
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  H5PLset_loading_state(0);
  return held;
}

// A name that no file on disk can have, a fresh one each time: HDF5 takes files in memory that have
// one name for one file. Call it under the lock.
std::string fresh_name() {
  static std::uint64_t files = 0;
  return "/dev/null/tutti-" + std::to_string(files++);
}

// The innermost message of HDF5's error stack.
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

template <class Id>
Id check(Id id, Code code, const std::string& what) {
  if (id < 0) throw Error(code, "HDF5: " + what + ": " + reason());
  return id;
}

/// Owns one HDF5 identifier. close() reports; the destructor cannot, and discards.
class Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Handle(hid_t id, Close closer, Code code, const std::string& what)
      : id_(check(id, code, what)), close_(closer) {}
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  Handle& operator=(Handle&&) = delete;

  [[nodiscard]] hid_t id() const noexcept { return id_; }
  void close(const std::string& what) {
    check(close_(std::exchange(id_, -1)), Code::Io, "cannot close " + what);
  }

 private:
  hid_t id_;
  Close close_;
};

template <class T>
hid_t native() {
  if constexpr (std::is_same_v<T, std::uint8_t>) return H5T_NATIVE_UINT8;
  if constexpr (std::is_same_v<T, std::int32_t>) return H5T_NATIVE_INT32;
  if constexpr (std::is_same_v<T, std::int64_t>) return H5T_NATIVE_INT64;
  if constexpr (std::is_same_v<T, float>) return H5T_NATIVE_FLOAT;
  if constexpr (std::is_same_v<T, double>) return H5T_NATIVE_DOUBLE;
}

Handle properties(hid_t kind) { return {H5Pcreate(kind), H5Pclose, Code::Internal, "properties"}; }

// Equal data must give equal bytes, so no object keeps the time at which it was made.
Handle untimed(hid_t kind) {
  Handle create = properties(kind);
  check(H5Pset_obj_track_times(create.id(), 0), Code::Internal, "times");
  return create;
}

Handle memory_access() {
  Handle access = properties(H5P_FILE_ACCESS);
  check(H5Pset_fapl_core(access.id(), kGrowth, 0), Code::Internal, "memory driver");
  check(H5Pset_libver_bounds(access.id(), H5F_LIBVER_LATEST, H5F_LIBVER_LATEST), Code::Internal,
        "format version");
  return access;
}

// Where the finished file ends up. H5Fget_file_image would be the plain way, but in 1.10 it clears
// the "open for writing" mark without mending the superblock's checksum; so the memory driver's own
// buffer is taken when the driver lets go of it, after the file was closed.
struct Image {
  std::string bytes;
  std::size_t size = 0;  // of the driver's buffer
};

void* grow(void* old, std::size_t size, H5FD_file_image_op_t /*when*/, void* image) {
  static_cast<Image*>(image)->size = size;
  return std::realloc(old, size);
}

void* start(std::size_t size, H5FD_file_image_op_t when, void* image) {
  return grow(nullptr, size, when, image);
}

herr_t release(void* buffer, H5FD_file_image_op_t when, void* udata) {
  auto* image = static_cast<Image*>(udata);
  herr_t status = 0;
  try {  // no exception may cross the library
    if (when == H5FD_FILE_IMAGE_OP_FILE_CLOSE) {
      image->bytes.assign(static_cast<const char*>(buffer), image->size);
    }
  } catch (const std::bad_alloc&) {
    status = -1;
  }
  std::free(buffer);
  return status;
}

// The buffer grows in steps; where the file in it ends is at byte 28 of the superblock (versions 2
// and 3, with 8-byte addresses).
void cut_to_end_of_file(std::string& bytes) {
  std::uint64_t end = 0;
  TUTTI_ASSERT(bytes.size() >= 48 && (bytes[8] == 2 || bytes[8] == 3) && bytes[9] == 8,
               "superblock of the latest format");
  std::memcpy(&end, bytes.data() + 28, sizeof end);
  TUTTI_ASSERT(end <= bytes.size(), "end of the file image");
  bytes.resize(end);
}

// Makes the groups above `path` that are not there yet. HDF5 would make them itself, but with
// times.
void make_parents(hid_t file, const std::string& path) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string parent = path.substr(0, slash);
    if (H5Lexists(file, parent.c_str(), H5P_DEFAULT) > 0) continue;
    const Handle create = untimed(H5P_GROUP_CREATE);
    Handle made(H5Gcreate2(file, parent.c_str(), H5P_DEFAULT, create.id(), H5P_DEFAULT), H5Gclose,
                Code::Internal, "cannot make group " + parent);
    made.close(parent);
  }
}

Handle text_type(std::size_t size) {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose, Code::Internal, "text type");
  check(H5Tset_size(type.id(), std::max<std::size_t>(size, 1)), Code::Internal, "text size");
  check(H5Tset_cset(type.id(), H5T_CSET_UTF8), Code::Internal, "text encoding");
  check(H5Tset_strpad(type.id(), H5T_STR_NULLPAD), Code::Internal, "text padding");
  return type;
}

}  // namespace

struct Hdf5Writer::Impl {
  Image image;  // outlives the file, which writes to it when it closes
  std::optional<Handle> file;
};

Hdf5Writer::Hdf5Writer() : impl_(std::make_unique<Impl>()) {
  const auto held = lock();
  const Handle access = memory_access();
  H5FD_file_image_callbacks_t callbacks = {};
  callbacks.image_malloc = start;
  callbacks.image_realloc = grow;
  callbacks.image_free = release;
  callbacks.udata_copy = [](void* udata) { return udata; };
  callbacks.udata_free = [](void* /*udata*/) -> herr_t { return 0; };
  callbacks.udata = &impl_->image;
  check(H5Pset_file_image_callbacks(access.id(), &callbacks), Code::Internal, "file image");
  const Handle create = untimed(H5P_FILE_CREATE);
  impl_->file.emplace(H5Fcreate(fresh_name().c_str(), H5F_ACC_TRUNC, create.id(), access.id()),
                      H5Fclose, Code::Internal, "cannot start a file");
}

Hdf5Writer::~Hdf5Writer() {
  const auto held = lock();
  impl_.reset();
}

void Hdf5Writer::group(const std::string& path) {
  const auto held = lock();
  make_parents(impl_->file->id(), path);
  const Handle create = untimed(H5P_GROUP_CREATE);
  Handle made(H5Gcreate2(impl_->file->id(), path.c_str(), H5P_DEFAULT, create.id(), H5P_DEFAULT),
              H5Gclose, Code::Internal, "cannot make group " + path);
  made.close(path);
}

void Hdf5Writer::attribute(const std::string& path, const std::string& name,
                           std::string_view value) {
  const auto held = lock();
  const Handle type = text_type(value.size());
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose, Code::Internal, "attribute " + name);
  Handle made(H5Acreate_by_name(impl_->file->id(), path.c_str(), name.c_str(), type.id(),
                                space.id(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
              H5Aclose, Code::Internal, "attribute " + name + " of " + path);
  const std::string bytes = value.empty() ? std::string(1, '\0') : std::string(value);
  check(H5Awrite(made.id(), type.id(), bytes.data()), Code::Internal, "attribute " + name);
  made.close(name);
}

template <class T>
void Hdf5Writer::write(const std::string& path, std::span<const T> values, std::int64_t columns) {
  const auto held = lock();
  const hsize_t width = columns > 0 ? static_cast<hsize_t>(columns) : 1;
  TUTTI_ASSERT(values.size() % width == 0, "a table has whole rows: " + path);
  const std::array<hsize_t, 2> size = {values.size() / width, width};
  const int rank = columns > 0 ? 2 : 1;
  const Handle space(H5Screate_simple(rank, size.data(), nullptr), H5Sclose, Code::Internal, path);
  const Handle create = untimed(H5P_DATASET_CREATE);
  if (!values.empty()) {  // an empty dataset cannot be chunked, and has nothing to check
    const std::array<hsize_t, 2> chunk = {
        std::min<hsize_t>(size[0], std::max<hsize_t>(kChunk / width, 1)), width};
    check(H5Pset_chunk(create.id(), rank, chunk.data()), Code::Internal, path);
    check(H5Pset_fletcher32(create.id()), Code::Internal, path);
  }
  make_parents(impl_->file->id(), path);
  Handle made(H5Dcreate2(impl_->file->id(), path.c_str(), native<T>(), space.id(), H5P_DEFAULT,
                         create.id(), H5P_DEFAULT),
              H5Dclose, Code::Internal, "cannot make dataset " + path);
  check(H5Dwrite(made.id(), native<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
        Code::Internal, "cannot write dataset " + path);
  made.close(path);
}

void Hdf5Writer::write_text(const std::string& path, std::span<const std::string> values) {
  std::vector<std::uint8_t> bytes;
  std::vector<std::int64_t> offsets = {0};
  for (const std::string& value : values) {
    bytes.insert(bytes.end(), value.begin(), value.end());
    offsets.push_back(static_cast<std::int64_t>(bytes.size()));
  }
  write<std::uint8_t>(path + "/bytes", bytes);
  write<std::int64_t>(path + "/offsets", offsets);
}

void Hdf5Writer::save(const Path& file) {
  {
    const auto held = lock();
    impl_->file->close(file.string());
  }
  cut_to_end_of_file(impl_->image.bytes);
  write_file(file, impl_->image.bytes);
}

struct Hdf5Reader::Impl {
  Path path;
  std::uint64_t bytes;
  Handle file;

  [[nodiscard]] std::string at(const std::string& dataset) const {
    return path.string() + ": " + dataset;
  }
};

Hdf5Reader::Hdf5Reader(const Path& file) {
  std::string image = read_file(file);
  const auto held = lock();
  const Handle access = memory_access();
  if (image.compare(0, 8, "\x89HDF\r\n\x1a\n") != 0) {
    throw Error(Code::Data, "not an HDF5 file: " + file.string());
  }
  check(H5Pset_file_image(access.id(), image.data(), image.size()), Code::Internal, "file image");
  impl_ = std::make_unique<Impl>(Impl{file,
                                      image.size(),
                                      {H5Fopen(fresh_name().c_str(), H5F_ACC_RDONLY, access.id()),
                                       H5Fclose, Code::Data, "cannot open " + file.string()}});
}

Hdf5Reader::~Hdf5Reader() {
  const auto held = lock();
  impl_.reset();
}

bool Hdf5Reader::has(const std::string& path) const {
  const auto held = lock();
  // H5Lexists wants every part of the path to exist: it is asked part by part.
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    if (H5Lexists(impl_->file.id(), path.substr(0, end).c_str(), H5P_DEFAULT) <= 0) return false;
    if (end == std::string::npos) return true;
  }
}

std::string Hdf5Reader::attribute(const std::string& path, const std::string& name) const {
  const auto held = lock();
  const std::string what = impl_->at(path) + ": attribute " + name;
  const Handle attribute(
      H5Aopen_by_name(impl_->file.id(), path.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT),
      H5Aclose, Code::Data, what);
  const Handle type(H5Aget_type(attribute.id()), H5Tclose, Code::Data, what);
  if (H5Tget_class(type.id()) != H5T_STRING || H5Tis_variable_str(type.id()) > 0) {
    throw Error(Code::Data, "not a text of fixed length: " + what);
  }
  std::string value(H5Tget_size(type.id()), '\0');
  check(H5Aread(attribute.id(), type.id(), value.data()), Code::Data, what);
  while (!value.empty() && value.back() == '\0') value.pop_back();
  return value;
}

template <class T>
std::vector<T> Hdf5Reader::read(const std::string& path) const {
  const auto held = lock();
  const std::string what = impl_->at(path);
  if (!has(path)) throw Error(Code::Data, "no dataset '" + path + "' in " + impl_->path.string());
  const Handle dataset(H5Dopen2(impl_->file.id(), path.c_str(), H5P_DEFAULT), H5Dclose, Code::Data,
                       what);
  const Handle type(H5Dget_type(dataset.id()), H5Tclose, Code::Data, what);
  const H5T_class_t expected = std::is_floating_point_v<T> ? H5T_FLOAT : H5T_INTEGER;
  if (H5Tget_class(type.id()) != expected || H5Tget_size(type.id()) > sizeof(T)) {
    throw Error(Code::Data, "another type than expected in " + what,
                std::string(std::is_floating_point_v<T> ? "floats" : "integers") + " of at most " +
                    std::to_string(sizeof(T)) + " bytes are expected");
  }
  const Handle space(H5Dget_space(dataset.id()), H5Sclose, Code::Data, what);
  const hssize_t size = check(H5Sget_simple_extent_npoints(space.id()), Code::Data, what);
  // A size that the file cannot hold is a broken header, not a reason to take all memory.
  if (static_cast<std::uint64_t>(size) > impl_->bytes * kMaxExpansion / sizeof(T)) {
    throw Error(Code::Data, what + " claims " + std::to_string(size) + " values in a file of " +
                                std::to_string(impl_->bytes) + " bytes");
  }
  std::vector<T> values(static_cast<std::size_t>(size));
  if (values.empty()) return values;
  check(H5Dread(dataset.id(), native<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
        Code::Data, "cannot read " + what);
  return values;
}

std::vector<std::string> Hdf5Reader::read_text(const std::string& path) const {
  const auto bytes = read<std::uint8_t>(path + "/bytes");
  const auto offsets = read<std::int64_t>(path + "/offsets");
  if (offsets.empty() || offsets.front() != 0 ||
      offsets.back() != static_cast<std::int64_t>(bytes.size()) ||
      !std::is_sorted(offsets.begin(), offsets.end())) {
    throw Error(Code::Data, "offsets do not fit the bytes in " + impl_->at(path));
  }
  std::vector<std::string> values;
  values.reserve(offsets.size() - 1);
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    values.emplace_back(bytes.begin() + offsets[i], bytes.begin() + offsets[i + 1]);
  }
  return values;
}

template void Hdf5Writer::write(const std::string&, std::span<const std::uint8_t>, std::int64_t);
template void Hdf5Writer::write(const std::string&, std::span<const std::int32_t>, std::int64_t);
template void Hdf5Writer::write(const std::string&, std::span<const std::int64_t>, std::int64_t);
template void Hdf5Writer::write(const std::string&, std::span<const float>, std::int64_t);
template void Hdf5Writer::write(const std::string&, std::span<const double>, std::int64_t);
template std::vector<std::uint8_t> Hdf5Reader::read(const std::string&) const;
template std::vector<std::int32_t> Hdf5Reader::read(const std::string&) const;
template std::vector<std::int64_t> Hdf5Reader::read(const std::string&) const;
template std::vector<float> Hdf5Reader::read(const std::string&) const;
template std::vector<double> Hdf5Reader::read(const std::string&) const;

}  // namespace tutti
