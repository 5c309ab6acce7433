#include "state_digest.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <thread>
#include <vector>

namespace lithify::engine {

namespace {

// Little-endian words are part of the definition; every platform we build for has them.
static_assert(std::endian::native == std::endian::little);

/// Bytes that are hashed by themselves, so that a large field is hashed on all cores.
constexpr std::size_t block_bytes = std::size_t{1} << 20;

std::uint64_t word(double value) { return std::bit_cast<std::uint64_t>(value); }
std::uint64_t word(std::int64_t value) { return static_cast<std::uint64_t>(value); }

/// Hash of bytes, the last block padded with zeros; their number is the seed.
digest128 hash_bytes(const std::byte* bytes, std::size_t n) {
  hasher128 h(n);
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    std::uint64_t k[2];
    std::memcpy(k, bytes + i, 16);
    h.add(k[0], k[1]);
  }
  if (i < n) {
    std::uint64_t k[2] = {0, 0};
    std::memcpy(k, bytes + i, n - i);
    h.add(k[0], k[1]);
  }
  return h.finish();
}

/// Digests of the blocks of `bytes`, hashed by as many threads as there are cores and blocks.
std::vector<digest128> hash_blocks(const std::vector<std::byte>& bytes) {
  const std::size_t blocks = (bytes.size() + block_bytes - 1) / block_bytes;
  std::vector<digest128> result(blocks);
  const std::size_t workers =
      std::min<std::size_t>(blocks, std::max(1U, std::thread::hardware_concurrency()));
  const auto work = [&](std::size_t first) {
    for (std::size_t b = first; b < blocks; b += workers) {
      const std::size_t begin = b * block_bytes;
      result[b] = hash_bytes(bytes.data() + begin, std::min(block_bytes, bytes.size() - begin));
    }
  };
  std::vector<std::jthread> threads;
  for (std::size_t w = 1; w < workers; ++w) {
    threads.emplace_back(work, w);
  }
  if (workers > 0) {
    work(0);
  }
  return result;
}

}  // namespace

digest128 digest_of(std::string_view text) {
  return hash_bytes(reinterpret_cast<const std::byte*>(text.data()), text.size());
}

digest128 digest_of(const field& f) {
  hasher128 h;
  h.add(digest_of(f.name));
  h.add(static_cast<std::uint64_t>(f.type), f.bytes.size());
  for (const digest128& block : hash_blocks(f.bytes)) {
    h.add(block);
  }
  return h.finish();
}

digest128 digest_of(const digest_parts& state) {
  hasher128 h;
  const region_size& size = state.config.size;
  h.add(state.version, word(std::int64_t{size.x}));
  h.add(word(std::int64_t{size.y}), word(std::int64_t{size.z}));
  h.add(word(state.config.geometry.cell_size_m), word(state.config.geometry.voxel_height_m));
  h.add(word(state.simulation.frame_offset), word(state.simulation.frame_remainder));
  h.add(word(state.simulation.step), word(state.simulation.time_yr));
  if (state.version >= 2) {
    h.add(state.simulation.random_key, state.simulation.random_counter);
  }
  h.add(state.config.materials.size(), state.columns.size());
  for (const material& m : state.config.materials.all()) {
    h.add(digest_of(m.name));
    h.add(static_cast<std::uint64_t>(m.solid_quanta()), static_cast<std::uint64_t>(m.kind));
  }
  for (const field& f : state.columns) {
    h.add(digest_of(f));
  }
  h.add(state.content);
  return h.finish();
}

}  // namespace lithify::engine
