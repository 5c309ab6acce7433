#include "hdf5_file.hpp"
#include "user_block.hpp"

#include <algorithm>
#include <limits>

namespace lithify::io {

namespace {

constexpr int max_rank = 8;
// Deflate packs at most 1,032 to 1; a last chunk may be mostly padding, hence the fixed part.
constexpr std::uint64_t max_expansion = 1032;

}  // namespace

h5_reader::h5_reader(const std::string& path, std::string name) : name_(std::move(name)) {
  require_memory_left();
  const h5_handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, errc::internal,
                         "cannot make file access");
  // Checkpoints are replaced whole, never changed in place: no lock is needed, and locks fail on
  // some network file systems.
  H5Pset_file_locking(access.get(), 0, 1);
  file_ = h5_handle(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose,
                    errc::corrupt_file, "'" + name_ + "' is damaged: its HDF5 data do not open");
}

void h5_reader::corrupt(const std::string& path, const std::string& why) const {
  require_memory_left();
  throw error(errc::corrupt_file, "'" + name_ + "' is damaged: " + path + " " + why);
}

h5_handle h5_reader::open_dataset(const std::string& path) const {
  return {H5Dopen2(file_.get(), path.c_str(), H5P_DEFAULT), H5Dclose, errc::corrupt_file,
          "'" + name_ + "' is damaged: dataset " + path + " is missing"};
}

std::vector<std::int64_t> h5_reader::shape(const std::string& path) const {
  const h5_handle data = open_dataset(path);
  const h5_handle space(H5Dget_space(data.get()), H5Sclose, errc::corrupt_file,
                        "'" + name_ + "' is damaged: " + path + " has no shape");
  const h5_handle type(H5Dget_type(data.get()), H5Tclose, errc::corrupt_file,
                       "'" + name_ + "' is damaged: " + path + " has no type");
  const int rank = H5Sget_simple_extent_ndims(space.get());
  if (rank < 1 || rank > max_rank) {
    corrupt(path, "does not have 1 to 8 dimensions");
  }
  hsize_t size[max_rank] = {};
  H5Sget_simple_extent_dims(space.get(), size, nullptr);
  if (std::find(size, size + rank, hsize_t{0}) != size + rank) {
    return {size, size + rank};
  }
  const std::uint64_t stored = H5Dget_storage_size(data.get());
  const std::uint64_t value_size = std::max<std::uint64_t>(1, H5Tget_size(type.get()));
  const std::uint64_t limit = stored * max_expansion / value_size;
  std::uint64_t total = 1;
  for (int axis = 0; axis < rank; ++axis) {
    if (total > limit / size[axis]) {
      corrupt(path, "claims more values than its " + std::to_string(stored) + " bytes can hold");
    }
    total *= size[axis];
  }
  return {size, size + rank};
}

std::size_t h5_reader::count(const std::string& path,
                             std::size_t value_size,
                             std::initializer_list<std::int64_t> trailing) const {
  const std::vector<std::int64_t> size = shape(path);
  if (size.size() != trailing.size() + 1 ||
      !std::equal(trailing.begin(), trailing.end(), size.begin() + 1)) {
    corrupt(path, "has another shape than its format says");
  }
  std::size_t total = static_cast<std::size_t>(size[0]);
  for (const std::int64_t extent : trailing) {
    total *= static_cast<std::size_t>(extent);
  }
  if (total > std::numeric_limits<std::size_t>::max() / value_size) {
    corrupt(path, "is larger than memory");
  }
  return total;
}

bool h5_reader::has_type(const std::string& path, h5_type type) const {
  const h5_handle data = open_dataset(path);
  const h5_handle stored(H5Dget_type(data.get()), H5Tclose, errc::corrupt_file,
                         "'" + name_ + "' is damaged: " + path + " has no type");
  return H5Tequal(stored.get(), type.file) > 0;
}

void h5_reader::array(const std::string& path, h5_type type, std::span<std::byte> into) const {
  require_memory_left();
  if (!has_type(path, type)) {
    corrupt(path, "has another type than its format says");
  }
  if (!into.empty()) {
    const h5_handle data = open_dataset(path);
    if (H5Dread(data.get(), type.memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, into.data()) < 0) {
      corrupt(path, "cannot be read: a chunk fails its checksum or does not unpack");
    }
  }
  check_digest(path, into);
}

std::string h5_reader::text(const std::string& path) const {
  const h5_handle data = open_dataset(path);
  const h5_handle type(H5Dget_type(data.get()), H5Tclose, errc::corrupt_file,
                       "'" + name_ + "' is damaged: " + path + " has no type");
  const h5_handle space(H5Dget_space(data.get()), H5Sclose, errc::corrupt_file,
                        "'" + name_ + "' is damaged: " + path + " has no shape");
  const std::size_t size = H5Tget_size(type.get());
  if (H5Tget_class(type.get()) != H5T_STRING || H5Tis_variable_str(type.get()) > 0 ||
      H5Sget_simple_extent_npoints(space.get()) != 1 || H5Dget_storage_size(data.get()) != size) {
    corrupt(path, "is not a text");
  }
  std::string value(size, '\0');
  if (H5Dread(data.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, value.data()) < 0) {
    corrupt(path, "cannot be read");
  }
  value.erase(std::min(value.find('\0'), value.size()));
  check_digest(path, std::as_bytes(std::span(value)));
  return value;
}

std::vector<std::string> h5_reader::members(const std::string& group) const {
  const h5_handle opened(H5Gopen2(file_.get(), group.c_str(), H5P_DEFAULT), H5Gclose,
                         errc::corrupt_file,
                         "'" + name_ + "' is damaged: group " + group + " is missing");
  H5G_info_t info{};
  if (H5Gget_info(opened.get(), &info) < 0) {
    corrupt(group, "cannot be listed");
  }
  std::vector<std::string> names;
  for (hsize_t i = 0; i < info.nlinks; ++i) {
    char buffer[256] = {};
    const ssize_t size = H5Lget_name_by_idx(opened.get(), ".", H5_INDEX_NAME, H5_ITER_INC, i,
                                            buffer, sizeof buffer, H5P_DEFAULT);
    if (size <= 0 || size >= static_cast<ssize_t>(sizeof buffer)) {
      corrupt(group, "holds a member without a usable name");
    }
    names.emplace_back(buffer);
  }
  return names;
}

void h5_reader::attribute(const std::string& path,
                          const std::string& name,
                          h5_type type,
                          hsize_t count,
                          void* into) const {
  const std::string place = path + "@" + name;
  const h5_handle attribute(
      H5Aopen_by_name(file_.get(), path.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose,
      errc::corrupt_file, "'" + name_ + "' is damaged: attribute " + place + " is missing");
  const h5_handle stored(H5Aget_type(attribute.get()), H5Tclose, errc::corrupt_file,
                         "'" + name_ + "' is damaged: " + place + " has no type");
  const h5_handle space(H5Aget_space(attribute.get()), H5Sclose, errc::corrupt_file,
                        "'" + name_ + "' is damaged: " + place + " has no shape");
  if (H5Tequal(stored.get(), type.file) <= 0 ||
      H5Sget_simple_extent_npoints(space.get()) != static_cast<hssize_t>(count)) {
    corrupt(place, "has another type than its format says");
  }
  if (H5Aread(attribute.get(), type.memory, into) < 0) {
    corrupt(place, "cannot be read");
  }
}

std::string h5_reader::text_attribute(const std::string& path, const std::string& name) const {
  const std::string place = path + "@" + name;
  const h5_handle attribute(
      H5Aopen_by_name(file_.get(), path.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose,
      errc::corrupt_file, "'" + name_ + "' is damaged: attribute " + place + " is missing");
  const h5_handle type(H5Aget_type(attribute.get()), H5Tclose, errc::corrupt_file,
                       "'" + name_ + "' is damaged: " + place + " has no type");
  const std::size_t size = H5Tget_size(type.get());
  if (H5Tget_class(type.get()) != H5T_STRING || H5Tis_variable_str(type.get()) > 0 ||
      H5Aget_storage_size(attribute.get()) != size) {
    corrupt(place, "is not a text");
  }
  std::string value(size, '\0');
  if (H5Aread(attribute.get(), type.get(), value.data()) < 0) {
    corrupt(place, "cannot be read");
  }
  value.erase(std::min(value.find('\0'), value.size()));
  return value;
}

void h5_reader::expect_digests(const std::string& lines) {
  digests_.clear();
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', at), lines.size());
    const std::string line = lines.substr(at, end - at);
    const std::size_t blank = line.find(' ');
    if (blank == std::string::npos) {
      corrupt("/integrity/digests", "has a line without a path");
    }
    digests_.emplace_back(line.substr(blank + 1), line.substr(0, blank));
    at = end + 1;
  }
  std::sort(digests_.begin(), digests_.end());
  checks_digests_ = true;
}

void h5_reader::check_digest(const std::string& path, std::span<const std::byte> values) const {
  if (!checks_digests_) {
    return;
  }
  const auto found = std::lower_bound(digests_.begin(), digests_.end(),
                                      std::pair<std::string, std::string>(path, ""));
  if (found == digests_.end() || found->first != path) {
    corrupt(path, "has no checksum in /integrity/digests");
  }
  if (found->second != to_string(xxh3_128(values))) {
    corrupt(path, "does not match its checksum in /integrity/digests");
  }
}

}  // namespace lithify::io
