// Bulk build: columns of spans to chunks, bricks and their parents.
//
// Chunks of one material become nodes at once. The others are split into bricks a batch at a time,
// so that scratch stays bounded; of those only bricks that a span's end crosses are filled.
#include "build.cuh"
#include "lithify/base/error.hpp"
#include "walk.cuh"

#include <algorithm>
#include <string>
#include <utility>

namespace lithify::octree::inline LITHIFY_BACKEND {

namespace {

constexpr int chunk_brick_bits = 3 * (chunk_level - brick_level);
/// Chunks that are split at a time: 2^20 bricks, some 50 MiB of scratch. Chosen.
constexpr std::int64_t chunk_batch = 256;

/// Columns of spans on the device.
struct span_view {
  region_size size;
  const std::int64_t* offset;
  const std::int32_t* top;
  const material_id* material;

  /// The span of column (x, y) that holds z: its exclusive top and its material.
  struct piece {
    std::int32_t top;
    material_id material;
  };
  LITHIFY_HD piece at(std::int32_t x, std::int32_t y, std::int32_t z) const {
    const std::int64_t column = x + std::int64_t{size.x} * y;
    std::int64_t low = offset[column];
    const std::int64_t end = offset[column + 1];
    std::int64_t high = end;
    while (low < high) {
      const std::int64_t middle = low + (high - low) / 2;
      if (top[middle] <= z) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low < end ? piece{top[low], material[low]} : piece{size.z, air};
  }
};

/// Material of the cube at `low` if each of its columns is within one span and all agree; else
/// nothing (a node that is not uniform). Every lane gets it.
LITHIFY_DEVICE node uniform_cube(const device::lane_group& g,
                                 const span_view& spans,
                                 voxel low,
                                 int level) {
  const std::int32_t edge = std::int32_t{1} << level;
  const std::int32_t wide = low.x + edge < spans.size.x ? edge : spans.size.x - low.x;
  const std::int32_t deep = low.y + edge < spans.size.y ? edge : spans.size.y - low.y;
  const std::int32_t top = low.z + edge < spans.size.z ? low.z + edge : spans.size.z;
  const material_id m = spans.at(low.x, low.y, low.z).material;
  constexpr int part = 32;  // columns looked at before giving up early
  for (std::int32_t c = 0; c < wide * deep; c += part) {
    const int n = wide * deep - c < part ? wide * deep - c : part;
    const int differ = g.count(n, [=](int i) -> bool {
      const auto p = spans.at(low.x + (c + i) % wide, low.y + (c + i) / wide, low.z);
      return p.material != m || p.top < top;
    });
    if (differ != 0) {
      return node::make(node_kind::children, 0, 0);
    }
  }
  return node::uniform(m);
}

/// Fills bricks from columns.
struct span_source {
  span_view spans;
  const morton_key* key;

  LITHIFY_DEVICE void operator()(const device::lane_group& g,
                                 std::int64_t i,
                                 material_id* to) const {
    const voxel low = brick_voxel(key[i], 0);
    const span_view s = spans;
    g.each(brick_edge * brick_edge, [=](int c) {
      const std::int32_t x = low.x + (c & 7);
      const std::int32_t y = low.y + (c >> 3);
      const bool inside = x < s.size.x && y < s.size.y;
      span_view::piece p{low.z, air};
      for (int z = 0; z < brick_edge; ++z) {
        if (inside && low.z + z >= p.top) {
          p = s.at(x, y, low.z + z);
        }
        to[c + 64 * z] = inside && low.z + z < s.size.z ? p.material : air;
      }
    });
  }
};

/// Columns copied to the device.
struct device_spans {
  device_spans(device::exec ex, region_size size, const column_spans& c)
      : offset(ex, size.columns() + 1),
        top(ex, c.offset[size.columns()]),
        material(ex, c.offset[size.columns()]) {
    device::copy_to_device(ex, offset.data(), c.offset, offset.size());
    device::copy_to_device(ex, top.data(), c.top, top.size());
    device::copy_to_device(ex, material.data(), c.material, material.size());
  }
  device::buffer<std::int64_t> offset;
  device::buffer<std::int32_t> top;
  device::buffer<material_id> material;
};

void check_columns(const column_spans& c, region_size size) {
  bool good = c.offset[0] == 0;
  for (std::int64_t column = 0; good && column < size.columns(); ++column) {
    good = c.offset[column] <= c.offset[column + 1];
    std::int32_t below = 0;
    for (std::int64_t i = c.offset[column]; good && i < c.offset[column + 1]; ++i) {
      good = c.top[i] > below && c.top[i] <= size.z;
      below = c.top[i];
    }
    require(good, errc::invalid_argument,
            "the spans of column " + std::to_string(column) + " do not rise inside the region");
  }
  require(good, errc::invalid_argument, "the offsets of the columns do not begin at 0");
}

/// All chunks of the region by rising key, with their nodes where they are of one material.
node_list classify_chunks(device::exec ex, const span_view& spans) {
  constexpr std::int32_t edge = 1 << chunk_level;
  const std::int64_t nx = (spans.size.x + edge - 1) / edge;
  const std::int64_t ny = (spans.size.y + edge - 1) / edge;
  const std::int64_t nz = (spans.size.z + edge - 1) / edge;
  node_list chunks(ex, nx * ny * nz);
  morton_key* const key = chunks.key.data();
  node* const value = chunks.value.data();
  device::for_each_n(ex, chunks.count, [=] LITHIFY_HD(std::int64_t i) {
    key[i] =
        morton_encode({static_cast<std::int32_t>(i % nx), static_cast<std::int32_t>(i / nx % ny),
                       static_cast<std::int32_t>(i / (nx * ny))});
  });
  device::sort_keys(ex, key, chunks.count, 0, 3 * (coordinate_bits - chunk_level));
  device::for_each_group<0>(
      ex, chunks.count,
      [=] LITHIFY_DEVICE(const device::lane_group& g, std::int64_t i, std::byte*) {
        const node n = uniform_cube(g, spans, cube_box(key[i], chunk_level).min, chunk_level);
        g.once([=] { value[i] = n; });
      });
  return chunks;
}

/// Positions in [0, n) that satisfy `pred`. Sync.
template <class Pred>
device::buffer<std::int64_t> positions_of(device::exec ex, std::int64_t n, Pred pred) {
  device::buffer<std::int64_t> found(ex, count_if(ex, n, pred));
  device::buffer<std::int64_t> total(ex, 1);
  std::int64_t* const position = found.data();
  device::select_if(
      ex, n, pred, [=] LITHIFY_HD(std::int64_t i, std::int64_t at) { position[at] = i; },
      total.data());
  return found;
}

/// The bricks inside the region of the chunks `pick[0 .. n)`; those of one material have their
/// node.
node_list classify_bricks(device::exec ex,
                          const span_view& spans,
                          const morton_key* chunk,
                          const std::int64_t* pick,
                          std::int64_t n) {
  const auto brick_key = [=] LITHIFY_HD(std::int64_t i) -> morton_key {
    const auto inner = static_cast<morton_key>(i & ((1 << chunk_brick_bits) - 1));
    return (chunk[pick[i >> chunk_brick_bits]] << chunk_brick_bits) | inner;
  };
  const auto inside = [=] LITHIFY_HD(std::int64_t i) -> bool {
    return spans.size.contains(brick_voxel(brick_key(i), 0));
  };
  const std::int64_t all = n << chunk_brick_bits;
  node_list bricks(ex, count_if(ex, all, inside));
  device::buffer<std::int64_t> total(ex, 1);
  morton_key* const key = bricks.key.data();
  node* const value = bricks.value.data();
  device::select_if(
      ex, all, inside, [=] LITHIFY_HD(std::int64_t i, std::int64_t at) { key[at] = brick_key(i); },
      total.data());
  device::for_each_group<0>(
      ex, bricks.count,
      [=] LITHIFY_DEVICE(const device::lane_group& g, std::int64_t i, std::byte*) {
        const node found = uniform_cube(g, spans, brick_voxel(key[i], 0), brick_level);
        g.once([=] { value[i] = found; });
      });
  return bricks;
}

/// Builds the chunks `pick[0 .. n)` and puts their nodes in place.
void build_chunks(device::exec ex,
                  world_builder& builder,
                  const span_view& spans,
                  const node_list& chunks,
                  const std::int64_t* pick,
                  std::int64_t n) {
  node_list bricks = classify_bricks(ex, spans, chunks.key.data(), pick, n);
  node* const value = bricks.value.data();
  const device::buffer<std::int64_t> mixed = positions_of(
      ex, bricks.count, [=] LITHIFY_HD(std::int64_t i) -> bool { return !value[i].is_uniform(); });
  build_bricks(ex, builder, bricks.key.data(), mixed.data(), mixed.size(),
               span_source{spans, bricks.key.data()}, value);
  const node_list made = builder.raise_to(ex, std::move(bricks), brick_level, chunk_level);
  const node* const from = made.value.data();
  node* const to = chunks.value.data();
  device::for_each_n(ex, n, [=] LITHIFY_HD(std::int64_t i) { to[pick[i]] = from[i]; });
}

}  // namespace

update_parts build_world(device::exec ex,
                         tree& t,
                         const index_view& old,
                         std::uint64_t version,
                         const column_spans& columns) {
  check_columns(columns, old.size);
  const device_spans held(ex, old.size, columns);
  const span_view spans{old.size, held.offset.data(), held.top.data(), held.material.data()};
  world_builder builder(ex, t, old.size, version);
  node_list chunks = classify_chunks(ex, spans);
  const node* const value = chunks.value.data();
  const device::buffer<std::int64_t> mixed = positions_of(
      ex, chunks.count, [=] LITHIFY_HD(std::int64_t i) -> bool { return !value[i].is_uniform(); });
  for (std::int64_t at = 0; at < mixed.size(); at += chunk_batch) {
    build_chunks(ex, builder, spans, chunks, mixed.data() + at,
                 std::min(chunk_batch, mixed.size() - at));
  }
  const node_list root = builder.raise_to(ex, std::move(chunks), chunk_level, builder.top_level());
  return builder.finish(ex, device::read(ex, root.value.data()), old);
}

}  // namespace lithify::octree::inline LITHIFY_BACKEND
