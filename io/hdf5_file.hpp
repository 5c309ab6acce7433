/// A thin owner layer over HDF5's C interface: handles that close themselves, typed arrays, scalar
/// attributes and texts.
///
/// Files are built in memory (core driver) and handed out as bytes, so that every disk error
/// belongs to the file layer; they are read through the name given. HDF5 never prints, keeps no
/// times, and is entered by one thread at a time: hold an `hdf5_session`. Failures throw
/// `lithify::error` naming the object. All arrays are chunked, shuffled, deflated (level 1) and
/// Fletcher32-summed.
#pragma once

#include "lithify/base/error.hpp"

#include <hdf5.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <mutex>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace lithify::io {

/// While it lives: HDF5 is ours alone and silent; the caller's error handler comes back afterwards.
class hdf5_session {
 public:
  hdf5_session();
  ~hdf5_session();
  hdf5_session(const hdf5_session&) = delete;
  hdf5_session& operator=(const hdf5_session&) = delete;

 private:
  std::unique_lock<std::mutex> lock_;
  H5E_auto2_t handler_ = nullptr;
  void* handler_data_ = nullptr;
};

/// Call it before HDF5 allocates: HDF5 1.10 reads through null where an allocation of its own
/// fails. And when HDF5 has failed, before the file is blamed: it does not tell damage from a
/// buffer that it could not allocate. Errors: out_of_memory, if memory is short.
void require_memory_left();

/// Owner of one HDF5 identifier.
class h5_handle {
 public:
  using closer = herr_t (*)(hid_t);

  h5_handle() = default;
  /// Errors: `code` with `what` and HDF5's own reason, when `id` says that the call failed.
  h5_handle(hid_t id, closer close, errc code, const std::string& what);
  h5_handle(h5_handle&& other) noexcept
      : id_(std::exchange(other.id_, H5I_INVALID_HID)), close_(other.close_) {}
  h5_handle& operator=(h5_handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~h5_handle() {
    if (id_ >= 0) {
      close_(id_);
    }
  }
  [[nodiscard]] hid_t get() const { return id_; }

 private:
  hid_t id_ = H5I_INVALID_HID;
  closer close_ = nullptr;
};

/// HDF5 type of a value in memory, and (always little-endian) in the file.
struct h5_type {
  hid_t memory;
  hid_t file;
};
template <class T>
[[nodiscard]] h5_type h5_type_of() {
  if constexpr (std::is_same_v<T, std::uint8_t>) {
    return {H5T_NATIVE_UINT8, H5T_STD_U8LE};
  } else if constexpr (std::is_same_v<T, std::uint16_t>) {
    return {H5T_NATIVE_UINT16, H5T_STD_U16LE};
  } else if constexpr (std::is_same_v<T, std::int32_t>) {
    return {H5T_NATIVE_INT32, H5T_STD_I32LE};
  } else if constexpr (std::is_same_v<T, std::int64_t>) {
    return {H5T_NATIVE_INT64, H5T_STD_I64LE};
  } else if constexpr (std::is_same_v<T, std::uint64_t>) {
    return {H5T_NATIVE_UINT64, H5T_STD_U64LE};
  } else {
    static_assert(std::is_same_v<T, double>, "not a type of a Lithify file");
    return {H5T_NATIVE_DOUBLE, H5T_IEEE_F64LE};
  }
}

/// The memory that HDF5's core driver builds a file in; ours once the file is closed.
///
/// H5Fget_file_image would be shorter, but in 1.10.8 it clears a flag in the superblock without
/// renewing the superblock's checksum, so that what it gives does not open.
class h5_memory {
 public:
  h5_memory() = default;
  h5_memory(const h5_memory&) = delete;
  h5_memory& operator=(const h5_memory&) = delete;
  ~h5_memory();

  /// Makes `access` build the file here.
  void attach(hid_t access);
  /// The closed file.
  [[nodiscard]] std::span<const std::byte> bytes() const;

 private:
  static void* resize(void* old, std::size_t size, H5FD_file_image_op_t op, void* self);
  static herr_t release(void* data, H5FD_file_image_op_t op, void* self);

  void* closed_ = nullptr;
  std::size_t size_ = 0;
};

/// An HDF5 file that grows in memory.
class h5_writer {
 public:
  h5_writer();

  void group(const std::string& path);
  /// A dataset of `shape`; `unit` becomes an attribute unless it is empty.
  void array(const std::string& path,
             h5_type type,
             std::size_t value_size,
             std::span<const std::int64_t> shape,
             std::span<const std::byte> values,
             const std::string& unit = {});
  template <class T>
  void array(const std::string& path,
             std::span<const T> values,
             std::initializer_list<std::int64_t> shape = {}) {
    const std::int64_t flat[] = {static_cast<std::int64_t>(values.size())};
    array(path, h5_type_of<T>(), sizeof(T),
          shape.size() == 0 ? std::span<const std::int64_t>(flat)
                            : std::span<const std::int64_t>(shape.begin(), shape.size()),
          std::as_bytes(values));
  }
  /// A dataset of one number, without axes.
  void scalar(const std::string& path, std::int32_t value);
  /// Makes a dataset of one axis the scale of a dimension; `number` tells dimensions of a file
  /// apart. Source: HDF5 Dimension Scale Specification; NetCDF-4 reads it.
  void dimension(const std::string& path, const std::string& name, std::int32_t number);
  /// Says which dimensions the axes of a dataset are; after all of them.
  void over_dimensions(const std::string& path, std::span<const std::string> scales);
  /// A scalar dataset that holds `value` byte for byte.
  void text(const std::string& path, const std::string& value);

  template <class T>
  void attribute(const std::string& path, const std::string& name, T value) {
    attribute(path, name, h5_type_of<T>(), 1, &value);
  }
  void attribute(const std::string& path, const std::string& name, const std::string& value);
  /// The same for readers that know no UTF-8.
  void ascii_attribute(const std::string& path, const std::string& name, const std::string& value);
  void attribute(const std::string& path,
                 const std::string& name,
                 h5_type type,
                 hsize_t count,
                 const void* values);

  /// Lines "xxh3-128 path" of every array and text so far, sorted by path.
  [[nodiscard]] std::string digests() const;
  /// Closes the file and gives its bytes, which live as long as the writer.
  [[nodiscard]] std::span<const std::byte> finish();

 private:
  void note_digest(const std::string& path, std::span<const std::byte> values);

  h5_memory memory_;
  h5_handle file_;
  std::vector<std::pair<std::string, std::string>> digests_;
};

/// An HDF5 file open for reading; everything it gives was checked against what the caller expects.
class h5_reader {
 public:
  /// `name` is what messages call the file that `path` opens.
  h5_reader(const std::string& path, std::string name);

  /// Dimensions of a dataset.
  /// Errors: corrupt_file when it is missing, has no or more than 8 dimensions, or claims more
  /// values than its stored bytes can hold.
  [[nodiscard]] std::vector<std::int64_t> shape(const std::string& path) const;
  /// Reads a dataset whose stored type must be `type`.file; `digests` must hold its checksum.
  void array(const std::string& path, h5_type type, std::span<std::byte> into) const;
  template <class T>
  [[nodiscard]] std::vector<T> array(const std::string& path,
                                     std::initializer_list<std::int64_t> trailing = {}) const {
    std::vector<T> values(count(path, sizeof(T), trailing));
    array(path, h5_type_of<T>(), std::as_writable_bytes(std::span(values)));
    return values;
  }
  /// The stored type of a dataset equals `type`.file.
  [[nodiscard]] bool has_type(const std::string& path, h5_type type) const;
  [[nodiscard]] std::string text(const std::string& path) const;
  [[nodiscard]] std::vector<std::string> members(const std::string& group) const;

  template <class T>
  [[nodiscard]] T attribute(const std::string& path, const std::string& name) const {
    T value{};
    attribute(path, name, h5_type_of<T>(), 1, &value);
    return value;
  }
  [[nodiscard]] std::string text_attribute(const std::string& path, const std::string& name) const;
  void attribute(const std::string& path,
                 const std::string& name,
                 h5_type type,
                 hsize_t count,
                 void* into) const;

  /// Compares the checksum of what `array` and `text` read with these lines from now on.
  void expect_digests(const std::string& lines);

  [[noreturn]] void corrupt(const std::string& path, const std::string& why) const;

 private:
  std::size_t count(const std::string& path,
                    std::size_t value_size,
                    std::initializer_list<std::int64_t> trailing) const;
  h5_handle open_dataset(const std::string& path) const;
  void check_digest(const std::string& path, std::span<const std::byte> values) const;

  h5_handle file_;
  std::string name_;
  std::vector<std::pair<std::string, std::string>> digests_;
  bool checks_digests_ = false;
};

}  // namespace lithify::io
