/// Digests and values of a step between its stages.
///
/// Every row of a chunk, and every delta, is hashed by itself and added to its chunk's digest: sums
/// of integers, so that no order of work shows.
#include "lithify/passes/detail/stage_state.cuh"

#include <algorithm>
#include <tuple>

namespace lithify::passes::inline LITHIFY_BACKEND {

namespace {

/// Adds both halves by themselves, modulo 2^64.
LITHIFY_HD inline void add_to(digest128* sum, const digest128& d) {
  device::atomic_add(&sum->low, d.low);
  device::atomic_add(&sum->high, d.high);
}

/// A value as a word of a hash: sign-extended.
template <class T>
LITHIFY_HD constexpr std::uint64_t word_of(T value) {
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
}

template <class T>
void digest_columns(device::exec ex, const T* values, region_size size, digest128* out) {
  const std::int64_t nx = size.x;
  const std::int64_t across = chunks_of(size).x;
  device::for_each_n(ex, across * size.y, [=] LITHIFY_HD(std::int64_t i) {
    const std::int64_t y = i / across;
    const std::int64_t begin = i % across * trace_chunk;
    const std::int64_t end = begin + trace_chunk < nx ? begin + trace_chunk : nx;
    const T* const row = values + y * nx;
    hasher128 h(static_cast<std::uint64_t>(y));
    for (std::int64_t x = begin; x < end; x += 2) {
      h.add(word_of(row[x]), x + 1 < end ? word_of(row[x + 1]) : 0);
    }
    add_to(&out[y / trace_chunk * across + i % across], h.finish());
  });
}

struct slot {
  morton_key key;
  std::uint64_t value;
};

LITHIFY_HD inline slot slot_at(const deltas::table_view& table, std::int64_t i) {
  const deltas::bucket& b = table.buckets[i / deltas::bucket_slots];
  return {b.key[i % deltas::bucket_slots], b.value[i % deltas::bucket_slots]};
}

std::int64_t slots_of(const deltas::table_view& table) {
  return static_cast<std::int64_t>(table.count) * deltas::bucket_slots;
}

void digest_deltas(device::exec ex,
                   const deltas::table_view& table,
                   std::int64_t across,
                   digest128* out) {
  device::for_each_n(ex, slots_of(table), [=] LITHIFY_HD(std::int64_t i) {
    const slot s = slot_at(table, i);
    if (s.key == no_key) {
      return;
    }
    const voxel at = morton_decode(s.key);
    hasher128 h;
    h.add(s.key, s.value);
    add_to(&out[at.y / trace_chunk * across + at.x / trace_chunk], h.finish());
  });
}

/// f(values), typed.
template <class F>
void with_type(const stage_field& f, F visit) {
  switch (f.type) {
    case field_type::uint16:
      return visit(static_cast<const std::uint16_t*>(f.values));
    case field_type::int32:
      return visit(static_cast<const std::int32_t*>(f.values));
    case field_type::int64:
      return visit(static_cast<const std::int64_t*>(f.values));
    case field_type::float64:
      break;
  }
  throw error(errc::internal, std::string("column field '") + f.name + "' is not of integers");
}

template <class T>
field cut_field(device::exec ex,
                const stage_field& from,
                const T* values,
                region_size size,
                const voxel_box& box) {
  const std::int64_t width = box.max.x - box.min.x;
  const std::int64_t rows = box.max.y - box.min.y;
  const std::int64_t nx = size.x;
  const T* const corner = values + box.min.y * nx + box.min.x;
  device::buffer<T> cut(ex, width * rows);
  T* const to = cut.data();
  device::for_each_n(ex, width * rows, [=] LITHIFY_HD(std::int64_t i) {
    to[i] = corner[i / width * nx + i % width];
  });
  field f{from.name, from.unit, from.type, {rows, width}, {}};
  f.bytes.resize(cut.bytes());
  device::copy_to_host(ex, f.as<T>().data(), to, cut.size());
  return f;
}

LITHIFY_HD inline bool lies_in(morton_key key, const voxel_box& box) {
  return key != no_key && box.contains(morton_decode(key));
}

std::vector<traced_delta> cut_deltas(device::exec ex,
                                     const deltas::table_view& table,
                                     const voxel_box& box) {
  const std::int64_t n = slots_of(table);
  const auto inside = [=] LITHIFY_HD(std::int64_t i) -> bool {
    return lies_in(slot_at(table, i).key, box);
  };
  const std::int64_t found = device::reduce<std::int64_t>(
      ex, n, 0, [] LITHIFY_HD(std::int64_t a, std::int64_t b) -> std::int64_t { return a + b; },
      [=] LITHIFY_HD(std::int64_t i) -> std::int64_t { return inside(i) ? 1 : 0; });
  device::buffer<slot> slots(ex, found);
  slot* const to = slots.data();
  device::select_if(ex, n, inside, [=] LITHIFY_HD(std::int64_t i, std::int64_t place) {
    to[place] = slot_at(table, i);
  });
  std::vector<slot> read(static_cast<std::size_t>(found));
  device::copy_to_host(ex, read.data(), to, found);
  std::vector<traced_delta> deltas;
  deltas.reserve(read.size());
  for (const slot& s : read) {
    deltas.push_back(
        {morton_decode(s.key), deltas::value_order(s.value), deltas::value_material(s.value)});
  }
  std::sort(deltas.begin(), deltas.end(), [](const traced_delta& a, const traced_delta& b) {
    return std::tuple(a.at.y, a.at.x, a.at.z) < std::tuple(b.at.y, b.at.x, b.at.z);
  });
  return deltas;
}

}  // namespace

pass_digests digest_stage(device::exec ex, const stage_state& state) {
  const chunk_place chunks = chunks_of(state.size);
  const std::int64_t each = std::int64_t{chunks.x} * chunks.y;
  const std::int64_t parts = static_cast<std::int64_t>(state.fields.size()) + 1;
  device::buffer<digest128> sums(ex, parts * each);
  device::fill(ex, sums.data(), sums.size(), digest128{});
  digest128* out = sums.data();
  for (const stage_field& f : state.fields) {
    with_type(f, [&](const auto* values) { digest_columns(ex, values, state.size, out); });
    out += each;
  }
  digest_deltas(ex, state.deltas, chunks.x, out);

  std::vector<digest128> host(static_cast<std::size_t>(sums.size()));
  device::copy_to_host(ex, host.data(), sums.data(), sums.size());
  pass_digests result{state.pass, state.frame_offset, state.frame_remainder, {}};
  for (std::int64_t p = 0; p < parts; ++p) {
    const auto first = host.begin() + p * each;
    const bool is_field = p + 1 < parts;
    result.parts.push_back({is_field ? state.fields[static_cast<std::size_t>(p)].name : "deltas",
                            std::vector<digest128>(first, first + each)});
  }
  return result;
}

chunk_values read_chunk(device::exec ex, const stage_state& state, chunk_place chunk) {
  const voxel_box box = box_of(chunk, state.size);
  chunk_values result{state.pass, chunk, state.frame_offset, state.frame_remainder, {}, {}};
  for (const stage_field& f : state.fields) {
    with_type(f, [&](const auto* values) {
      result.fields.push_back(cut_field(ex, f, values, state.size, box));
    });
  }
  result.deltas = cut_deltas(ex, state.deltas, box);
  return result;
}

}  // namespace lithify::passes::inline LITHIFY_BACKEND
