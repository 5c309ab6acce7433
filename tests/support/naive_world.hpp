/// The slow oracle: a world in a std::map, and every answer worked out from its definition.
///
/// Nothing here uses the library's trees, hashes or votes: LOD materials, the Merkle content hash
/// and MurmurHash3_x64_128 are written again from their definitions (octree/README.md; Appleby's
/// published algorithm), so that a mistake in the library cannot hide here.
#pragma once

#include "lithify/base/hash128.hpp"
#include "lithify/base/types.hpp"
#include "plain_murmur.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

namespace lithify::test {

class naive_world {
 public:
  explicit naive_world(region_size size) : size_(size) {}

  [[nodiscard]] region_size size() const { return size_; }
  void set(voxel v, material_id m) { voxels_[{v.z, v.y, v.x}] = m; }
  [[nodiscard]] material_id get(voxel v) const {
    const auto found = voxels_.find({v.z, v.y, v.x});
    return found == voxels_.end() ? material_id{0} : found->second;
  }

  /// LOD material of the cube whose lowest voxel is `low`, or -1 if it meets no voxel of the
  /// region.
  [[nodiscard]] int lod(voxel low, int level) const {
    if (low.x >= size_.x || low.y >= size_.y || low.z >= size_.z) {
      return -1;
    }
    if (level == 0) {
      return get(low);
    }
    struct tally {
      int votes = 0;
      int highest = -1;
    };
    std::map<int, tally> votes;
    const std::int32_t half = 1 << (level - 1);
    for (int dz = 0; dz < 2; ++dz) {
      for (int dy = 0; dy < 2; ++dy) {
        for (int dx = 0; dx < 2; ++dx) {
          const int m = lod({low.x + dx * half, low.y + dy * half, low.z + dz * half}, level - 1);
          if (m >= 0) {
            ++votes[m].votes;
            votes[m].highest = std::max(votes[m].highest, dz);
          }
        }
      }
    }
    // Most votes; air loses ties; then the highest sub-cube; then the lowest id.
    int best = -1;
    for (const auto& [m, t] : votes) {  // ids rise: the first of equals stays
      if (best < 0) {
        best = m;
        continue;
      }
      const tally& b = votes[best];
      const auto rank = [](int id, const tally& v) {
        return std::make_tuple(v.votes, id == 0 ? 0 : 1, id == 0 ? 0 : v.highest);
      };
      if (rank(m, t) > rank(best, b)) {
        best = m;
      }
    }
    return best;
  }

  /// Content hash of the voxels (octree/README.md, "Content digest").
  [[nodiscard]] digest128 content_digest() const {
    int level = 3;
    while ((1 << level) < size_.x || (1 << level) < size_.y || (1 << level) < size_.z) {
      ++level;
    }
    return hash({0, 0, 0}, level);
  }

 private:
  static void put(std::vector<std::uint8_t>& bytes, std::uint64_t value, int count) {
    for (int i = 0; i < count; ++i) {
      bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    }
  }

  // Material of a cube of one material (outside the region counts as air), or -1.
  [[nodiscard]] int uniform(voxel low, std::int32_t edge) const {
    const material_id first = get(low);
    const bool outside = low.x + edge > size_.x || low.y + edge > size_.y || low.z + edge > size_.z;
    if (outside && first != 0) {
      return -1;
    }
    for (std::int32_t z = low.z; z < std::min(low.z + edge, size_.z); ++z) {
      for (std::int32_t y = low.y; y < std::min(low.y + edge, size_.y); ++y) {
        for (std::int32_t x = low.x; x < std::min(low.x + edge, size_.x); ++x) {
          if (get({x, y, z}) != first) {
            return -1;
          }
        }
      }
    }
    return first;
  }

  [[nodiscard]] digest128 hash(voxel low, int level) const {
    const std::int32_t edge = 1 << level;
    std::vector<std::uint8_t> bytes;
    if (const int m = uniform(low, edge); m >= 0) {
      put(bytes, static_cast<std::uint64_t>(level), 8);
      put(bytes, static_cast<std::uint64_t>(m), 8);
      return murmur3_x64_128(bytes, 1);
    }
    if (level == 3) {
      for (int z = 0; z < 8; ++z) {
        for (int y = 0; y < 8; ++y) {
          for (int x = 0; x < 8; ++x) {
            put(bytes, get({low.x + x, low.y + y, low.z + z}), 2);
          }
        }
      }
      return murmur3_x64_128(bytes, 2);
    }
    const std::int32_t half = edge / 2;
    for (int i = 0; i < 8; ++i) {
      const digest128 d =
          hash({low.x + (i & 1) * half, low.y + ((i >> 1) & 1) * half, low.z + (i >> 2) * half},
               level - 1);
      put(bytes, d.low, 8);
      put(bytes, d.high, 8);
    }
    return murmur3_x64_128(bytes, 3);
  }

  region_size size_;
  std::map<std::tuple<std::int32_t, std::int32_t, std::int32_t>, material_id> voxels_;
};

}  // namespace lithify::test
