#include "tutti/data/error.hpp"
#include "tutti/data/hdf5.hpp"
#include "tutti/data/hdf5_handle.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace tutti {

using namespace hdf5;  // NOLINT: internal helpers of these files

namespace {
constexpr std::uint64_t kMaxExpansion = 1024;  // no filter makes data so many times smaller
}

struct Hdf5Reader::Impl {
  Path path;
  std::uint64_t bytes;
  Handle file;

  std::shared_ptr<SpillFile> raw = nullptr;  // the same file, for columns that stay in it

  template <class T>
  [[nodiscard]] std::pair<Handle, std::size_t> open(const std::string& dataset) const;
  [[nodiscard]] std::string at(const std::string& dataset) const {
    return path.string() + ": " + dataset;
  }
};

Hdf5Reader::Hdf5Reader(const Path& file) {
  InputFile bytes(file);
  std::string signature(8, '\0');
  if (bytes.read(signature) != signature.size() || signature != "\x89HDF\r\n\x1a\n") {
    throw Error(Code::Data, "not an HDF5 file: " + file.string());
  }
  const auto held = lock();
  const Handle access = disk_access();
  impl_ = std::make_unique<Impl>(Impl{file,
                                      bytes.size(),
                                      {H5Fopen(file.c_str(), H5F_ACC_RDONLY, access.id()), H5Fclose,
                                       Code::Data, "cannot open " + file.string()}});
}

Hdf5Reader::~Hdf5Reader() {
  const auto held = lock();
  impl_.reset();
}

bool Hdf5Reader::has(const std::string& path) const {
  const auto held = lock();
  // H5Lexists wants every part of the path to exist: it is asked part by part. A link that is not
  // plain may lead out of the file, into one that nobody checked.
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (H5Lexists(impl_->file.id(), part.c_str(), H5P_DEFAULT) <= 0) return false;
    H5L_info_t link = {};
    check(H5Lget_info(impl_->file.id(), part.c_str(), &link, H5P_DEFAULT), Code::Data,
          impl_->at(part));
    if (link.type != H5L_TYPE_HARD) {
      throw Error(Code::Data, impl_->at(part) + " is a link to somewhere else");
    }
    if (end == std::string::npos) return true;
  }
}

std::string Hdf5Reader::attribute(const std::string& path, const std::string& name) const {
  const auto held = lock();
  const std::string what = impl_->at(path) + ": attribute " + name;
  if (path != "/" && !has(path)) throw Error(Code::Data, "no group of " + what);
  const Handle attribute(
      H5Aopen_by_name(impl_->file.id(), path.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT),
      H5Aclose, Code::Data, what);
  const Handle type(H5Aget_type(attribute.id()), H5Tclose, Code::Data, what);
  const Handle space(H5Aget_space(attribute.id()), H5Sclose, Code::Data, what);
  if (H5Tget_class(type.id()) != H5T_STRING || H5Tis_variable_str(type.id()) > 0 ||
      H5Sget_simple_extent_npoints(space.id()) != 1 || H5Tget_size(type.id()) > impl_->bytes) {
    throw Error(Code::Data, "not one text of fixed length: " + what);
  }
  std::string value(H5Tget_size(type.id()), '\0');
  check(H5Aread(attribute.id(), type.id(), value.data()), Code::Data, what);
  while (!value.empty() && value.back() == '\0') value.pop_back();
  return value;
}

// The dataset and how many values it has, checked to be of type T and in this file.
template <class T>
std::pair<Handle, std::size_t> Hdf5Reader::Impl::open(const std::string& name) const {
  const std::string what = at(name);
  Handle dataset(H5Dopen2(file.id(), name.c_str(), H5P_DEFAULT), H5Dclose, Code::Data, what);
  const Handle create(H5Dget_create_plist(dataset.id()), H5Pclose, Code::Data, what);
  if (check(H5Pget_external_count(create.id()), Code::Data, what) != 0) {
    throw Error(Code::Data, what + " keeps its values in another file");
  }
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
  if (static_cast<std::uint64_t>(size) > bytes * kMaxExpansion / sizeof(T)) {
    throw Error(Code::Data, what + " claims " + std::to_string(size) + " values in a file of " +
                                std::to_string(bytes) + " bytes");
  }
  return {std::move(dataset), static_cast<std::size_t>(size)};
}

void Hdf5Reader::expect(const std::string& path) const {
  if (!has(path)) throw Error(Code::Data, "no dataset '" + path + "' in " + impl_->path.string());
}

template <class T>
std::vector<T> Hdf5Reader::read(const std::string& path) const {
  const auto held = lock();
  expect(path);
  const auto [dataset, size] = impl_->open<T>(path);
  std::vector<T> values(size);
  if (values.empty()) return values;
  check(H5Dread(dataset.id(), native<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
        Code::Data, "cannot read " + impl_->at(path));
  return values;
}

template <class T>
Column<T> Hdf5Reader::column(const std::string& path) const {
  const auto held = lock();
  expect(path);
  const auto [dataset, size] = impl_->open<T>(path);
  if (size * sizeof(T) < Column<T>::kMemory) return read<T>(path);

  // A chunk whose only filter is the checksum lies in the file as it is in memory, with four bytes
  // after it: it can be read without the library, and without its lock.
  const std::string what = impl_->at(path);
  const Handle create(H5Dget_create_plist(dataset.id()), H5Pclose, Code::Data, what);
  const Handle type(H5Dget_type(dataset.id()), H5Tclose, Code::Data, what);
  const Handle space(H5Dget_space(dataset.id()), H5Sclose, Code::Data, what);
  hsize_t chunk = 0;
  unsigned flags = 0;
  unsigned config = 0;
  std::size_t parameters = 0;
  bool plain =
      H5Tequal(type.id(), native<T>()) > 0 && H5Sget_simple_extent_ndims(space.id()) == 1 &&
      H5Pget_layout(create.id()) == H5D_CHUNKED && H5Pget_chunk(create.id(), 1, &chunk) == 1 &&
      chunk == Column<T>::kBlock && H5Pget_nfilters(create.id()) == 1 &&
      H5Pget_filter2(create.id(), 0, &flags, &parameters, nullptr, 0, nullptr, &config) ==
          H5Z_FILTER_FLETCHER32;
  std::vector<std::uint64_t> blocks;
  for (hsize_t first = 0; plain && first < size; first += chunk) {
    unsigned mask = 0;
    haddr_t address = HADDR_UNDEF;
    hsize_t bytes = 0;
    check(H5Dget_chunk_info_by_coord(dataset.id(), &first, &mask, &address, &bytes), Code::Data,
          what);
    plain = mask == 0 && bytes == chunk * sizeof(T) + 4 && address < impl_->bytes &&
            bytes <= impl_->bytes - address;
    blocks.push_back(address);
  }
  if (!plain) {
    throw Error(Code::Data, what + " is not stored in chunks of " +
                                std::to_string(Column<T>::kBlock) + " with checksums alone");
  }
  if (!impl_->raw) impl_->raw = std::make_shared<SpillFile>(impl_->path);
  return {impl_->raw, std::move(blocks), size};
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

template std::vector<std::uint8_t> Hdf5Reader::read(const std::string&) const;
template std::vector<std::int32_t> Hdf5Reader::read(const std::string&) const;
template std::vector<std::int64_t> Hdf5Reader::read(const std::string&) const;
template std::vector<float> Hdf5Reader::read(const std::string&) const;
template std::vector<double> Hdf5Reader::read(const std::string&) const;

template Column<std::uint8_t> Hdf5Reader::column(const std::string&) const;
template Column<std::int32_t> Hdf5Reader::column(const std::string&) const;
template Column<std::int64_t> Hdf5Reader::column(const std::string&) const;
template Column<double> Hdf5Reader::column(const std::string&) const;

}  // namespace tutti
