/// Column state to and from named fields, and the check of what comes in.
#include "columns.cuh"
#include "lithify/base/error.hpp"
#include "span_reader.cuh"

#include <algorithm>
#include <string>

namespace lithify::passes::inline LITHIFY_BACKEND {

namespace {

/// Why a column was refused; the order is that of the checks.
enum class fault : std::uint32_t {
  none,
  voxels,
  residual,
  ledger,
  remainder,
  boundary,
  exported,
  waiting,
  outside
};

const char* describe(fault f) {
  switch (f) {
    case fault::voxels:
      return "rock_top, n_loose or rock_material contradict the voxels";
    case fault::residual:
      return "residual is not in 1..solid of a full voxel";
    case fault::ledger:
      return "sediment is not in 0..1.5 voxels";
    case fault::remainder:
      return "a remainder is a whole quantum or more";
    case fault::boundary:
      return "boundary_height is set where the column is not held, missing where it is, or not in "
             "the region";
    case fault::exported:
      return "exported is negative";
    case fault::waiting:
      return "remainder_river is negative";
    case fault::outside:
      return "it lies outside and still holds something";
    case fault::none:
      break;
  }
  return "nothing";
}

struct column_checker {
  span_reader reader;
  const std::int32_t* solid;
  column_view columns;
  const std::uint8_t* faces;
  std::int64_t nx;
  std::int64_t frame_offset;
  std::int64_t highest;  ///< surface that a column may have

  LITHIFY_HD static bool whole_quantum(std::int64_t remainder) {
    constexpr std::int64_t one = std::int64_t{1} << remainder_bits;
    return remainder <= -one || remainder >= one;
  }

  LITHIFY_HD fault operator()(std::int64_t c) const {
    const top_span span =
        reader.read(static_cast<std::int32_t>(c % nx), static_cast<std::int32_t>(c / nx));
    if (span.rock_top != columns.rock_top[c] || span.n_loose != columns.n_loose[c] ||
        span.rock != columns.rock_material[c]) {
      return fault::voxels;
    }
    if (whole_quantum(columns.remainder_east[c]) || whole_quantum(columns.remainder_north[c])) {
      return fault::remainder;
    }
    const bool held = (faces[c] & face::held) != 0;
    const std::int64_t kept = columns.boundary_height[c];
    // Unsigned: whatever a file says, the difference has a value; `load` bounds the frame so that
    // none that is too large comes back into range.
    const auto height = static_cast<std::int64_t>(static_cast<std::uint64_t>(kept) -
                                                  static_cast<std::uint64_t>(frame_offset));
    if (held != (kept != not_held) || (held && (height < 0 || height > highest))) {
      return fault::boundary;
    }
    if (columns.exported != nullptr && columns.exported[c] < 0) {
      return fault::exported;
    }
    if (columns.exported != nullptr && columns.remainder_river[c] < 0) {
      return fault::waiting;
    }
    if (span.rock_top < 0) {
      const bool river = columns.exported != nullptr && columns.remainder_river[c] != 0;
      return columns.residual[c] != 0 || columns.sediment[c] != 0 || river ? fault::outside
                                                                           : fault::none;
    }
    if (columns.residual[c] <= 0 || columns.residual[c] > solid[span.rock]) {
      return fault::residual;
    }
    if (columns.sediment[c] < 0 || 2 * columns.sediment[c] >= 3 * std::int64_t{solid[sediment]}) {
      return fault::ledger;
    }
    return fault::none;
  }
};

std::string place_of(std::int64_t cell, std::int64_t nx) {
  return "(" + std::to_string(cell % nx) + ", " + std::to_string(cell / nx) + ")";
}

template <class T>
void upload(device::exec ex,
            std::span<const field> fields,
            const char* name,
            region_size size,
            const device::buffer<T>& to) {
  const field& from = find_field(fields, name);
  const std::string what = "column field '" + from.name + "'";
  require(from.type == field_type_of<T>, errc::invalid_argument, what + " has the wrong type");
  require(
      from.shape == std::vector<std::int64_t>{size.y, size.x} && from.bytes.size() == to.bytes(),
      errc::invalid_argument,
      what + " must have shape (" + std::to_string(size.y) + ", " + std::to_string(size.x) + ")");
  device::copy_to_device(ex, to.data(), from.as<T>().data(), to.size());
}

}  // namespace

column_arrays upload_fields(device::exec ex,
                            std::span<const field> fields,
                            region_size size,
                            bool with_rivers) {
  const auto has = [&](const std::string& name) {
    return std::any_of(fields.begin(), fields.end(),
                       [&](const field& f) { return f.name == name; });
  };
  column_arrays columns(ex, size.columns(), with_rivers || has("exported"));
  std::vector<std::string> known;
  column_arrays::each(
      columns, [&]<class T>(const std::string& name, const char*, const device::buffer<T>& to) {
        if ((name == "exported" || name == "remainder_river") && !has(name)) {
          device::fill(ex, to.data(), to.size(), T{0});
          return;
        }
        upload(ex, fields, name.c_str(), size, to);
        known.push_back(name);
      });
  for (const field& f : fields) {
    require(std::find(known.begin(), known.end(), f.name) != known.end(), errc::invalid_argument,
            "unknown column field '" + f.name + "'");
  }
  require(fields.size() == known.size(), errc::invalid_argument, "a column field occurs twice");
  return columns;
}

std::vector<field> download_fields(device::exec ex,
                                   const column_arrays& columns,
                                   region_size size) {
  std::vector<field> fields;
  column_arrays::each(
      columns, [&]<class T>(const char* name, const char* unit, const device::buffer<T>& from) {
        field f{name, unit, field_type_of<T>, {size.y, size.x}, {}};
        f.bytes.resize(from.bytes());
        device::copy_to_host(ex, f.as<T>().data(), from.data(), from.size());
        fields.push_back(std::move(f));
      });
  return fields;
}

void check_columns(device::exec ex,
                   const octree::merged_view& world,
                   const std::int32_t* solid,
                   const column_view& columns,
                   const column_layout& layout,
                   std::int64_t frame_offset) {
  device::buffer<std::uint64_t> worst(ex, 1);
  std::uint64_t* const first = worst.data();
  constexpr std::uint64_t none = ~std::uint64_t{0};
  device::fill(ex, first, 1, none);
  // Between two steps a held column stands at its height, in the region, as every column does: at
  // most 2^21 voxels, and the 1.5 that a ledger may hold. A step's uplift moves the frame by less
  // than 2^10. So the heights that diffusion starts from differ by less than 2^41 + 2^31 < 2^42,
  // and a drop times a voxel's 2^20 quanta stays below the 2^62 that its fluxes are made of.
  const std::int64_t highest = (std::int64_t{world.index.size.z} + 2) << fraction_bits;
  const column_checker check{span_reader(world, solid),
                             solid,
                             columns,
                             layout.faces.data(),
                             layout.nx,
                             frame_offset,
                             highest};
  device::for_each_n(ex, layout.cells(), [=] LITHIFY_HD(std::int64_t c) {
    const fault f = check(c);
    if (f != fault::none) {
      device::atomic_min(first,
                         (static_cast<std::uint64_t>(c) << 8) | static_cast<std::uint64_t>(f));
    }
  });
  const std::uint64_t found = device::read(ex, first);
  require(found == none, errc::invalid_argument,
          "column " + place_of(static_cast<std::int64_t>(found >> 8), layout.nx) + ": " +
              describe(static_cast<fault>(found & 0xff)));
}

}  // namespace lithify::passes::inline LITHIFY_BACKEND
