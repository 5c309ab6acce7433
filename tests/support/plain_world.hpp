/// A world as a plain array, and every range query on it written out from its definition: the
/// oracle of the octree's tests. Slow on purpose; shares no code with the library but ids and
/// boxes.
#pragma once

#include "lithify/base/fixed_point.hpp"
#include "lithify/base/hash128.hpp"
#include "lithify/base/types.hpp"
#include "lithify/octree/query_types.hpp"
#include "plain_murmur.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace lithify::test {

/// The three cases of the content digest, as bytes.
class digest_bytes {
 public:
  void put(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) {
      bytes_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    }
  }
  void put(const digest128& d) {
    put(d.low, 8);
    put(d.high, 8);
  }
  [[nodiscard]] digest128 hash(std::uint32_t seed) const { return murmur3_x64_128(bytes_, seed); }

  [[nodiscard]] static digest128 uniform(int level, material_id m) {
    digest_bytes b;
    b.put(static_cast<std::uint64_t>(level), 8);
    b.put(m, 8);
    return b.hash(1);
  }

 private:
  std::vector<std::uint8_t> bytes_;
};

/// Material of a cube from those of its sub-cubes; an entry without value does not vote.
inline std::optional<material_id> oracle_vote(
    const std::array<std::optional<material_id>, 8>& sub) {
  std::map<material_id, int> votes;
  std::map<material_id, int> highest;
  for (int i = 0; i < 8; ++i) {
    if (sub[static_cast<std::size_t>(i)]) {
      const material_id m = *sub[static_cast<std::size_t>(i)];
      ++votes[m];
      highest[m] = std::max(highest[m], i / 4);
    }
  }
  std::optional<material_id> best;
  for (const auto& [m, n] : votes) {  // by rising id, so that a later one must be better
    if (!best || n > votes[*best] ||
        (n == votes[*best] && (*best == air || highest[m] > highest[*best]))) {
      best = m;
    }
  }
  return best;
}

/// Every voxel of a region, x fastest.
class plain_world {
 public:
  plain_world(region_size size, material_id fill = air)
      : size_(size), voxel_(static_cast<std::size_t>(size.box().volume()), fill) {}

  [[nodiscard]] region_size size() const { return size_; }
  [[nodiscard]] material_id& at(voxel v) { return voxel_[place(v)]; }
  [[nodiscard]] material_id at(voxel v) const { return voxel_[place(v)]; }

  /// The one material of the part of a box inside the region, if it is one.
  [[nodiscard]] std::optional<material_id> uniform(voxel_box box) const {
    box = box.clipped(size_.box());
    std::optional<material_id> found;
    bool mixed = false;
    for_each(box, [&](voxel v) {
      mixed = mixed || (found && *found != at(v));
      found = at(v);
    });
    return mixed ? std::nullopt : found;
  }

  /// LOD material of the cube of edge 2^level at `low`; no value where it holds no voxel.
  [[nodiscard]] std::optional<material_id> lod(voxel low, int level) const {
    if (!size_.contains(low)) {
      return std::nullopt;
    }
    if (level == 0) {
      return at(low);
    }
    std::array<std::optional<material_id>, 8> sub;
    for (int i = 0; i < 8; ++i) {
      sub[static_cast<std::size_t>(i)] = lod(corner(low, level - 1, i), level - 1);
    }
    return oracle_vote(sub);
  }

  [[nodiscard]] std::vector<material_id> box(voxel_box b, int level) const {
    std::vector<material_id> cells;
    const std::int32_t edge = std::int32_t{1} << level;
    for (std::int32_t z = b.min.z / edge * edge; z < b.max.z; z += edge) {
      for (std::int32_t y = b.min.y / edge * edge; y < b.max.y; y += edge) {
        for (std::int32_t x = b.min.x / edge * edge; x < b.max.x; x += edge) {
          cells.push_back(lod({x, y, z}, level).value());
        }
      }
    }
    return cells;
  }

  [[nodiscard]] column_list columns(voxel_box b, int level = 0) const {
    column_list list;
    list.offset.push_back(0);
    const std::int32_t edge = std::int32_t{1} << level;
    for (std::int32_t y = b.min.y / edge * edge; y < b.max.y; y += edge) {
      for (std::int32_t x = b.min.x / edge * edge; x < b.max.x; x += edge) {
        std::vector<column_span> spans;
        for (std::int32_t z = b.min.z; z < b.max.z; ++z) {
          const material_id m = lod({x, y, z / edge * edge}, level).value();
          if (spans.empty() || spans.back().material != m) {
            spans.push_back({z, z, m});
          }
          spans.back().top = z + 1;
        }
        list.span.insert(list.span.end(), spans.begin(), spans.end());
        list.offset.push_back(static_cast<std::int64_t>(list.span.size()));
      }
    }
    return list;
  }

  [[nodiscard]] std::vector<std::int32_t> tops(voxel_box b) const {
    std::vector<std::int32_t> tops;
    for (std::int32_t y = b.min.y; y < b.max.y; ++y) {
      for (std::int32_t x = b.min.x; x < b.max.x; ++x) {
        std::int32_t top = -1;
        for (std::int32_t z = 0; z < size_.z; ++z) {
          top = at({x, y, z}) != air ? z : top;
        }
        tops.push_back(top);
      }
    }
    return tops;
  }

  [[nodiscard]] int128 solid(const std::vector<std::int32_t>& quanta) const {
    int128 sum = 0;
    for (const material_id m : voxel_) {
      sum += quanta[m];
    }
    return sum;
  }

  /// Cubes of one material in Morton order, none finer than `level`, clipped to `b`.
  [[nodiscard]] std::vector<cube_run> runs(voxel_box b, int level) const {
    std::vector<cube_run> found;
    collect_runs({0, 0, 0}, std::max(level, covering_level()), level, b, found);
    return found;
  }

  /// Digest of the cube of edge 2^level at `low`, level >= 3.
  [[nodiscard]] digest128 digest(voxel low, int level) const {
    const std::int32_t edge = std::int32_t{1} << level;
    const voxel_box cube{low, {low.x + edge, low.y + edge, low.z + edge}};
    const voxel_box inside = cube.clipped(size_.box());
    if (inside.empty()) {
      return digest_bytes::uniform(level, air);
    }
    const std::optional<material_id> one = uniform(inside);
    if (one && (*one == air || inside == cube)) {
      return digest_bytes::uniform(level, *one);
    }
    digest_bytes bytes;
    if (level == 3) {
      for (std::int32_t z = 0; z < 8; ++z) {
        for (std::int32_t y = 0; y < 8; ++y) {
          for (std::int32_t x = 0; x < 8; ++x) {
            const voxel v{low.x + x, low.y + y, low.z + z};
            bytes.put(size_.contains(v) ? at(v) : air, 2);
          }
        }
      }
      return bytes.hash(2);
    }
    for (int i = 0; i < 8; ++i) {
      bytes.put(digest(corner(low, level - 1, i), level - 1));
    }
    return bytes.hash(3);
  }
  [[nodiscard]] digest128 digest() const {
    return digest({0, 0, 0}, std::max(3, covering_level()));
  }

  /// Level of the smallest cube at the origin that holds the region.
  [[nodiscard]] int covering_level() const {
    int level = 0;
    while ((std::int64_t{1} << level) < std::max({size_.x, size_.y, size_.z})) {
      ++level;
    }
    return level;
  }

  template <class F>
  static void for_each(voxel_box b, F f) {
    for (std::int32_t z = b.min.z; z < b.max.z; ++z) {
      for (std::int32_t y = b.min.y; y < b.max.y; ++y) {
        for (std::int32_t x = b.min.x; x < b.max.x; ++x) {
          f(voxel{x, y, z});
        }
      }
    }
  }

 private:
  [[nodiscard]] std::size_t place(voxel v) const {
    return static_cast<std::size_t>(v.x +
                                    std::int64_t{size_.x} * (v.y + std::int64_t{size_.y} * v.z));
  }
  /// Low corner of sub-cube i, of edge 2^level, of a cube at `low`.
  [[nodiscard]] static voxel corner(voxel low, int level, int i) {
    const std::int32_t edge = std::int32_t{1} << level;
    return {low.x + i % 2 * edge, low.y + i / 2 % 2 * edge, low.z + i / 4 * edge};
  }
  void collect_runs(
      voxel low, int level, int finest, voxel_box b, std::vector<cube_run>& out) const {
    const std::int32_t edge = std::int32_t{1} << level;
    const voxel_box cube = voxel_box{low, {low.x + edge, low.y + edge, low.z + edge}}.clipped(b);
    if (cube.empty()) {
      return;
    }
    const std::optional<material_id> one =
        uniform({low, {low.x + edge, low.y + edge, low.z + edge}});
    if (one || level == finest) {
      out.push_back({cube, level, one ? *one : lod(low, level).value()});
      return;
    }
    for (int i = 0; i < 8; ++i) {
      collect_runs(corner(low, level - 1, i), level - 1, finest, b, out);
    }
  }

  region_size size_;
  std::vector<material_id> voxel_;
};

}  // namespace lithify::test
