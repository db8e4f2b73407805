#include "tutti/data/error.hpp"
#include "tutti/data/hdf5.hpp"
#include "tutti/data/hdf5_handle.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>

namespace tutti {

using namespace hdf5;  // NOLINT: internal helpers of these files

namespace {

constexpr hsize_t kChunk = 1 << 16;  // elements

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

// Equal data must give equal bytes, so no object keeps the time at which it was made.
Handle untimed(hid_t kind) {
  Handle create = properties(kind);
  check(H5Pset_obj_track_times(create.id(), 0), Code::Internal, "times");
  return create;
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
  Path temporary = {};  // of a file that is built on disk
  bool published = false;

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (temporary.empty() || published) return;
    give_up();
    ::unlink(temporary.c_str());
  }

  // What HDF5 has not written yet goes to /dev/null: a file that cannot be closed would crash the
  // process when it exits.
  void give_up() {
    void* fd = nullptr;
    if (!file || H5Fget_vfd_handle(file->id(), H5P_DEFAULT, &fd) < 0) return;
    const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere >= 0) ::dup2(nowhere, *static_cast<int*>(fd));
    if (nowhere >= 0) ::close(nowhere);
    file.reset();
  }

  // On disk any call may meet a full one.
  template <class Work>
  void guarded(Work work) {
    TUTTI_ASSERT(file, "the writer was closed, or failed before");
    if (temporary.empty()) {
      work();
      return;
    }
    try {
      work();
    } catch (const Error& error) {
      give_up();
      throw Error(Code::Io, temporary.string() + ": " + error.what(),
                  "see that the disk has space, and that nothing else is wrong with it");
    }
  }
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

Hdf5Writer::Hdf5Writer(const Path& file) : impl_(std::make_unique<Impl>()) {
  const auto held = lock();
  const Handle access = disk_access();
  const Handle create = untimed(H5P_FILE_CREATE);
  const Path temporary = temporary_name(file);
  impl_->file.emplace(H5Fcreate(temporary.c_str(), H5F_ACC_TRUNC, create.id(), access.id()),
                      H5Fclose, Code::Io, "cannot create " + file.string());
  impl_->temporary = temporary;
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

namespace {

// A chunked dataset with checksums, not yet written; `columns` 0: of one dimension.
Handle make_dataset(hid_t file, const std::string& path, hid_t type, std::size_t values,
                    std::int64_t columns) {
  const hsize_t width = columns > 0 ? static_cast<hsize_t>(columns) : 1;
  TUTTI_ASSERT(values % width == 0, "a table has whole rows: " + path);
  const std::array<hsize_t, 2> size = {values / width, width};
  const int rank = columns > 0 ? 2 : 1;
  const Handle space(H5Screate_simple(rank, size.data(), nullptr), H5Sclose, Code::Internal, path);
  const Handle create = untimed(H5P_DATASET_CREATE);
  if (values != 0) {  // an empty dataset cannot be chunked, and has nothing to check
    const std::array<hsize_t, 2> chunk = {
        std::min<hsize_t>(size[0], std::max<hsize_t>(kChunk / width, 1)), width};
    check(H5Pset_chunk(create.id(), rank, chunk.data()), Code::Internal, path);
    check(H5Pset_fletcher32(create.id()), Code::Internal, path);
  }
  make_parents(file, path);
  return {H5Dcreate2(file, path.c_str(), type, space.id(), H5P_DEFAULT, create.id(), H5P_DEFAULT),
          H5Dclose, Code::Internal, "cannot make dataset " + path};
}

}  // namespace

template <class T>
void Hdf5Writer::write(const std::string& path, std::span<const T> values, std::int64_t columns) {
  const auto held = lock();
  impl_->guarded([&] {
    Handle made = make_dataset(impl_->file->id(), path, native<T>(), values.size(), columns);
    check(H5Dwrite(made.id(), native<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
          Code::Internal, "cannot write dataset " + path);
    made.close(path);
  });
}

template <class T>
void Hdf5Writer::write_column(const std::string& path, const Column<T>& values) {
  const auto held = lock();
  impl_->guarded([&] {
    Handle made = make_dataset(impl_->file->id(), path, native<T>(), values.size(), 0);
    const Handle space(H5Dget_space(made.id()), H5Sclose, Code::Internal, path);
    std::vector<T> block;
    for (hsize_t first = 0; first < values.size(); first += kChunk) {
      const hsize_t count = std::min<hsize_t>(kChunk, values.size() - first);
      block.resize(count);
      values.read(first, block);
      const Handle memory(H5Screate_simple(1, &count, nullptr), H5Sclose, Code::Internal, path);
      check(H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, &first, nullptr, &count, nullptr),
            Code::Internal, path);
      check(H5Dwrite(made.id(), native<T>(), memory.id(), space.id(), H5P_DEFAULT, block.data()),
            Code::Internal, "cannot write dataset " + path);
    }
    made.close(path);
  });
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
  const auto held = lock();
  if (impl_->temporary.empty()) {
    impl_->file->close(file.string());
    cut_to_end_of_file(impl_->image.bytes);
    write_file(file, impl_->image.bytes);
    return;
  }
  impl_->guarded([&] {
    check(H5Fflush(impl_->file->id(), H5F_SCOPE_GLOBAL), Code::Io, "cannot write");
    impl_->file->close(file.string());
  });
  impl_->file.reset();
  publish_file(impl_->temporary, file);
  impl_->published = true;
}

template void Hdf5Writer::write(const std::string&, std::span<const std::uint8_t>, std::int64_t);
template void Hdf5Writer::write(const std::string&, std::span<const std::int32_t>, std::int64_t);
template void Hdf5Writer::write(const std::string&, std::span<const std::int64_t>, std::int64_t);
template void Hdf5Writer::write(const std::string&, std::span<const float>, std::int64_t);
template void Hdf5Writer::write(const std::string&, std::span<const double>, std::int64_t);

template void Hdf5Writer::write_column(const std::string&, const Column<std::uint8_t>&);
template void Hdf5Writer::write_column(const std::string&, const Column<std::int32_t>&);
template void Hdf5Writer::write_column(const std::string&, const Column<std::int64_t>&);
template void Hdf5Writer::write_column(const std::string&, const Column<double>&);

}  // namespace tutti
