// The state digest against a second implementation, written from README.md of host/engine alone.
#include "lithify/engine/import.hpp"
#include "plain_murmur.hpp"
#include "program.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cstdlib>
#include <cstring>

namespace {

using lithify::digest128;
using lithify::field;
using lithify::world;
using lithify::test::block_list;
using lithify::test::murmur3_x64_128;

digest128 hash_of_bytes(const void* data, std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  if (size > 0) {
    std::memcpy(bytes.data(), data, size);
  }
  bytes.resize((size + 15) / 16 * 16);
  return murmur3_x64_128(bytes, size);
}

std::uint64_t bits(double value) { return std::bit_cast<std::uint64_t>(value); }
std::uint64_t bits(std::int64_t value) { return static_cast<std::uint64_t>(value); }

digest128 hash_of(const field& f) {
  block_list blocks;
  blocks.add(hash_of_bytes(f.name.data(), f.name.size()));
  blocks.add(static_cast<std::uint64_t>(f.type), f.bytes.size());
  for (std::size_t at = 0; at < f.bytes.size(); at += 1048576) {
    blocks.add(
        hash_of_bytes(f.bytes.data() + at, std::min<std::size_t>(1048576, f.bytes.size() - at)));
  }
  return blocks.hash(0);
}

digest128 oracle(const world& w) {
  const auto& c = w.config();
  const auto s = w.simulation();
  const std::vector<field> fields = w.column_fields();
  block_list blocks;
  blocks.add(2, bits(std::int64_t{c.size.x}));
  blocks.add(bits(std::int64_t{c.size.y}), bits(std::int64_t{c.size.z}));
  blocks.add(bits(c.geometry.cell_size_m), bits(c.geometry.voxel_height_m));
  blocks.add(bits(s.frame_offset), bits(s.frame_remainder));
  blocks.add(bits(s.step), bits(s.time_yr));
  blocks.add(s.random_key, s.random_counter);
  blocks.add(c.materials.size(), fields.size());
  for (const lithify::material& m : c.materials.all()) {
    blocks.add(hash_of_bytes(m.name.data(), m.name.size()));
    blocks.add(static_cast<std::uint64_t>(m.solid_quanta()), static_cast<std::uint64_t>(m.kind));
  }
  for (const field& f : fields) {
    blocks.add(hash_of(f));
  }
  blocks.add(w.current().content_digest());
  return blocks.hash(0);
}

world hilly_world(int nx, int ny, std::vector<std::string> set = {}) {
  const lithify::test::temporary_folder folder;
  const auto s =
      lithify::engine::read_scenario(lithify::test::write_small_world(folder, nx, ny), set);
  return lithify::engine::make_world(lithify::engine::read_columns(s.world, s.materials),
                                     s.materials, s.overlay, s.passes, "cpu");
}

TEST(state_digest, equals_a_second_implementation) {
  world w = hilly_world(16, 12);
  EXPECT_EQ(w.state_digest(), oracle(w));
  w.step(100.0);
  w.step(100.0);
  EXPECT_EQ(w.state_digest(), oracle(w));
}

TEST(state_digest, hashes_fields_of_several_parts) {
  const world w = hilly_world(450, 330);  // 1.19 MB in the fields of eight bytes
  EXPECT_EQ(w.state_digest(), oracle(w));
}

TEST(state_digest, is_of_the_empty_world_too) {
  lithify::world_config config;
  config.size = {4, 4, 4};
  const world w = world::create(config, "cpu");
  EXPECT_EQ(w.state_digest(), oracle(w));
}

TEST(state_digest, differs_where_the_state_does) {
  world w = hilly_world(16, 12);
  const digest128 start = w.state_digest();
  EXPECT_EQ(hilly_world(16, 12).state_digest(), start);
  EXPECT_NE(hilly_world(16, 11).state_digest(), start);
  w.commit(std::vector<lithify::voxel_edit>{{{0, 0, 0}, 9}});
  const digest128 edited = w.state_digest();
  EXPECT_NE(edited, start);
  w.consolidate();
  EXPECT_EQ(w.state_digest(), edited) << "where a delta lies is no state";
  lithify::io::checkpoint data = lithify::engine::take_checkpoint(w);
  EXPECT_EQ(lithify::engine::digest_of(data, "cpu"), edited);
  for (field& f : data.columns) {
    f.bytes[0] ^= std::byte{1};
    EXPECT_NE(lithify::engine::digest_of(data, "cpu"), edited) << f.name;
    f.bytes[0] ^= std::byte{1};
  }
  ++data.state.frame_remainder;
  EXPECT_NE(lithify::engine::digest_of(data, "cpu"), edited);
  --data.state.frame_remainder;
  ++data.state.random_key;
  EXPECT_NE(lithify::engine::digest_of(data, "cpu"), edited);
  --data.state.random_key;
  ++data.state.random_counter;
  EXPECT_NE(lithify::engine::digest_of(data, "cpu"), edited);
}

}  // namespace
