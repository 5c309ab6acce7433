#include "hdf5_file.hpp"
#include "user_block.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace lithify::io {

namespace {

// 1 MiB: on a plateau of the compression ratio between 64 KiB and 4 MiB, and 2-16 MB is where reads
// stop gaining.
constexpr std::int64_t chunk_bytes = std::int64_t{1} << 20;

// Chosen: several times what HDF5 holds to pack or unpack a chunk.
constexpr std::size_t enough_memory = 16 * static_cast<std::size_t>(chunk_bytes);

std::mutex& hdf5_mutex() {
  static std::mutex mutex;
  return mutex;
}

std::string hdf5_reason() {
  std::string reason;
  const auto innermost = [](unsigned, const H5E_error2_t* entry, void* into) -> herr_t {
    if (entry->desc != nullptr) {
      *static_cast<std::string*>(into) = entry->desc;
    }
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, innermost, &reason);
  return reason.empty() ? "no reason given" : reason;
}

h5_handle made(hid_t id, h5_handle::closer close, const std::string& what) {
  return {id, close, errc::internal, "cannot make " + what};
}

void check(herr_t result, const std::string& what) {
  if (result < 0) {
    require_memory_left();
    throw error(errc::internal, "cannot " + what + " (HDF5: " + hdf5_reason() + ")");
  }
}

h5_handle text_type(std::size_t size, H5T_cset_t encoding = H5T_CSET_UTF8) {
  h5_handle type = made(H5Tcopy(H5T_C_S1), H5Tclose, "a text type");
  check(H5Tset_size(type.get(), std::max<std::size_t>(size, 1)), "size a text");
  check(H5Tset_strpad(type.get(), H5T_STR_NULLPAD), "pad a text");
  check(H5Tset_cset(type.get(), encoding), "encode a text");
  return type;
}

// HDF5 wants at least one byte; the padding byte reads back as the empty text.
const char* text_bytes(const std::string& value) { return value.empty() ? "\0" : value.data(); }

void require_text(const std::string& path, const std::string& value) {
  require(value.find('\0') == std::string::npos, errc::invalid_argument,
          "the text for '" + path + "' holds a zero byte");
}

}  // namespace

void require_memory_left() {
  void* volatile const probe = std::malloc(enough_memory);  // volatile: or it is optimised away
  std::free(probe);
  require(probe != nullptr, errc::out_of_memory, "not enough memory for an HDF5 file");
}

hdf5_session::hdf5_session() : lock_(hdf5_mutex()) {
  H5open();
  H5Eget_auto2(H5E_DEFAULT, &handler_, &handler_data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

hdf5_session::~hdf5_session() { H5Eset_auto2(H5E_DEFAULT, handler_, handler_data_); }

void keep_hdf5_from_exit() { H5dont_atexit(); }

h5_handle::h5_handle(hid_t id, closer close, errc code, const std::string& what)
    : id_(id), close_(close) {
  if (id < 0) {
    require_memory_left();
    throw error(code, what + " (HDF5: " + hdf5_reason() + ")");
  }
}

h5_writer::h5_writer() {
  require_memory_left();
  const h5_handle access = made(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "file access");
  memory_.attach(access.get());
  // Older bounds leave chunk indices without checksums: flips there were read silently wrong.
  check(H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110), "set bounds");
  const h5_handle creation = made(H5Pcreate(H5P_FILE_CREATE), H5Pclose, "file creation");
  check(H5Pset_obj_track_times(creation.get(), 0), "leave times out");
  file_ = made(H5Fcreate("lithify", H5F_ACC_TRUNC, creation.get(), access.get()), H5Fclose,
               "a file in memory");
}

void h5_writer::group(const std::string& path) {
  require_memory_left();
  const h5_handle creation = made(H5Pcreate(H5P_GROUP_CREATE), H5Pclose, "group creation");
  check(H5Pset_obj_track_times(creation.get(), 0), "leave times out");
  // A group's attributes stay in its header, readable without an index.
  check(H5Pset_attr_phase_change(creation.get(), 64, 32), "keep attributes compact");
  made(H5Gcreate2(file_.get(), path.c_str(), H5P_DEFAULT, creation.get(), H5P_DEFAULT), H5Gclose,
       "group '" + path + "'");
}

void h5_writer::array(const std::string& path,
                      h5_type type,
                      std::size_t value_size,
                      std::span<const std::int64_t> shape,
                      std::span<const std::byte> values,
                      const std::string& unit) {
  require_memory_left();
  std::vector<hsize_t> size(shape.begin(), shape.end());
  const h5_handle creation = made(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "dataset creation");
  check(H5Pset_obj_track_times(creation.get(), 0), "leave times out");
  check(H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER), "leave fill values out");
  if (!values.empty()) {
    // Whole rows of the fastest axes, as many as fit into a chunk.
    std::vector<hsize_t> chunk(size.size(), 1);
    auto room = std::max<std::int64_t>(1, chunk_bytes / static_cast<std::int64_t>(value_size));
    for (std::size_t axis = size.size(); axis-- > 0 && room > 1;) {
      chunk[axis] = std::min<hsize_t>(size[axis], static_cast<hsize_t>(room));
      room = chunk[axis] < size[axis] ? 1 : room / static_cast<std::int64_t>(chunk[axis]);
    }
    check(H5Pset_chunk(creation.get(), static_cast<int>(chunk.size()), chunk.data()), "chunk");
    check(H5Pset_shuffle(creation.get()), "shuffle");
    check(H5Pset_deflate(creation.get(), 1), "deflate");
    check(H5Pset_fletcher32(creation.get()), "sum");
  }
  const h5_handle space = made(
      H5Screate_simple(static_cast<int>(size.size()), size.data(), nullptr), H5Sclose, "a space");
  const h5_handle data = made(H5Dcreate2(file_.get(), path.c_str(), type.file, space.get(),
                                         H5P_DEFAULT, creation.get(), H5P_DEFAULT),
                              H5Dclose, "dataset '" + path + "'");
  if (!values.empty()) {
    check(H5Dwrite(data.get(), type.memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
          "write dataset '" + path + "'");
  }
  note_digest(path, values);
  if (!unit.empty()) {
    attribute(path, "unit", unit);
  }
}

void h5_writer::text(const std::string& path, const std::string& value) {
  require_memory_left();
  require_text(path, value);
  const h5_handle type = text_type(value.size());
  const h5_handle creation = made(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "dataset creation");
  check(H5Pset_obj_track_times(creation.get(), 0), "leave times out");
  const h5_handle space = made(H5Screate(H5S_SCALAR), H5Sclose, "a space");
  const h5_handle data = made(H5Dcreate2(file_.get(), path.c_str(), type.get(), space.get(),
                                         H5P_DEFAULT, creation.get(), H5P_DEFAULT),
                              H5Dclose, "text '" + path + "'");
  check(H5Dwrite(data.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, text_bytes(value)),
        "write text '" + path + "'");
  note_digest(path, std::as_bytes(std::span(value)));
}

void h5_writer::attribute(const std::string& path,
                          const std::string& name,
                          const std::string& value) {
  require_memory_left();
  require_text(path + "@" + name, value);
  const h5_handle type = text_type(value.size());
  attribute(path, name, {type.get(), type.get()}, 1, text_bytes(value));
}

void h5_writer::ascii_attribute(const std::string& path,
                                const std::string& name,
                                const std::string& value) {
  require_memory_left();
  const h5_handle type = text_type(value.size(), H5T_CSET_ASCII);
  attribute(path, name, {type.get(), type.get()}, 1, text_bytes(value));
}

void h5_writer::attribute(const std::string& path,
                          const std::string& name,
                          h5_type type,
                          hsize_t count,
                          const void* values) {
  require_memory_left();
  const h5_handle space =
      made(count == 1 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &count, nullptr), H5Sclose,
           "a space");
  const h5_handle attribute =
      made(H5Acreate_by_name(file_.get(), path.c_str(), name.c_str(), type.file, space.get(),
                             H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
           H5Aclose, "attribute '" + path + "@" + name + "'");
  check(H5Awrite(attribute.get(), type.memory, values),
        "write attribute '" + path + "@" + name + "'");
}

void h5_writer::scalar(const std::string& path, std::int32_t value) {
  require_memory_left();
  const h5_type type = h5_type_of<std::int32_t>();
  const h5_handle creation = made(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "dataset creation");
  check(H5Pset_obj_track_times(creation.get(), 0), "leave times out");
  const h5_handle space = made(H5Screate(H5S_SCALAR), H5Sclose, "a space");
  const h5_handle data = made(H5Dcreate2(file_.get(), path.c_str(), type.file, space.get(),
                                         H5P_DEFAULT, creation.get(), H5P_DEFAULT),
                              H5Dclose, "dataset '" + path + "'");
  check(H5Dwrite(data.get(), type.memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value),
        "write dataset '" + path + "'");
  note_digest(path, std::as_bytes(std::span(&value, 1)));
}

void h5_writer::dimension(const std::string& path, const std::string& name, std::int32_t number) {
  require_memory_left();
  // The specification asks for texts that end in a zero byte, unlike ours.
  const auto put = [&](const char* attribute_name, const std::string& value) {
    const h5_handle type = made(H5Tcopy(H5T_C_S1), H5Tclose, "a text type");
    check(H5Tset_size(type.get(), value.size() + 1), "size a text");
    attribute(path, attribute_name, {type.get(), type.get()}, 1, value.c_str());
  };
  put("CLASS", "DIMENSION_SCALE");
  put("NAME", name);
  attribute(path, "_Netcdf4Dimid", number);
}

void h5_writer::over_dimensions(const std::string& path, std::span<const std::string> scales) {
  require_memory_left();
  std::vector<hobj_ref_t> references(scales.size());
  std::vector<hvl_t> lists(scales.size());
  for (std::size_t i = 0; i < scales.size(); ++i) {
    check(H5Rcreate(&references[i], file_.get(), scales[i].c_str(), H5R_OBJECT, -1),
          "refer to '" + scales[i] + "'");
    lists[i] = {1, &references[i]};
  }
  const h5_handle type = made(H5Tvlen_create(H5T_STD_REF_OBJ), H5Tclose, "a list type");
  const hsize_t count = scales.size();
  const h5_handle space = made(H5Screate_simple(1, &count, nullptr), H5Sclose, "a space");
  const h5_handle list =
      made(H5Acreate_by_name(file_.get(), path.c_str(), "DIMENSION_LIST", type.get(), space.get(),
                             H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
           H5Aclose, "the dimensions of '" + path + "'");
  check(H5Awrite(list.get(), type.get(), lists.data()), "write the dimensions of '" + path + "'");
}

void h5_writer::note_digest(const std::string& path, std::span<const std::byte> values) {
  digests_.emplace_back(path, to_string(xxh3_128(values)));
}

std::string h5_writer::digests() const {
  auto sorted = digests_;
  std::sort(sorted.begin(), sorted.end());
  std::string lines;
  for (const auto& [path, digest] : sorted) {
    lines += digest + " " + path + "\n";
  }
  return lines;
}

std::span<const std::byte> h5_writer::finish() {
  require_memory_left();
  // An explicit flush reports what a failing close would hide.
  check(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL), "finish the file");
  file_ = h5_handle();
  return memory_.bytes();
}

h5_memory::~h5_memory() { std::free(closed_); }

void h5_memory::attach(hid_t access) {
  constexpr std::size_t growth = std::size_t{1} << 22;
  check(H5Pset_fapl_core(access, growth, 0), "choose memory");
  H5FD_file_image_callbacks_t calls{};
  calls.image_malloc = [](std::size_t size, H5FD_file_image_op_t, void*) {
    return std::malloc(size);
  };
  calls.image_memcpy = [](void* to, const void* from, std::size_t size, H5FD_file_image_op_t,
                          void*) { return std::memcpy(to, from, size); };
  calls.image_realloc = &h5_memory::resize;
  calls.image_free = &h5_memory::release;
  calls.udata_copy = [](void* self) { return self; };
  calls.udata_free = [](void*) -> herr_t { return 0; };
  calls.udata = this;
  check(H5Pset_file_image_callbacks(access, &calls), "watch memory");
}

void* h5_memory::resize(void* old, std::size_t size, H5FD_file_image_op_t, void* self) {
  void* moved = std::realloc(old, size);
  if (moved != nullptr) {
    static_cast<h5_memory*>(self)->size_ = size;
  }
  return moved;
}

herr_t h5_memory::release(void* data, H5FD_file_image_op_t op, void* self) {
  if (op == H5FD_FILE_IMAGE_OP_FILE_CLOSE) {
    static_cast<h5_memory*>(self)->closed_ = data;
  } else {
    std::free(data);
  }
  return 0;
}

std::span<const std::byte> h5_memory::bytes() const {
  // Superblock version 3: the address of the end of the file is at byte 28, little-endian.
  constexpr std::size_t end_at = 28;
  require(closed_ != nullptr && size_ >= end_at + 8, errc::internal, "HDF5 gave no file");
  const auto* data = static_cast<const std::byte*>(closed_);
  std::uint64_t end = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    end |= static_cast<std::uint64_t>(data[end_at + i]) << (8 * i);
  }
  require(end <= size_, errc::internal, "HDF5 gave a file shorter than it says");
  return {data, static_cast<std::size_t>(end)};
}

}  // namespace lithify::io
