// Digest files and dumps: what is written is read, the first difference is found, damage is named.
#include "lithify/engine/trace_files.hpp"

#include "lithify/base/error.hpp"
#include "temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace {

using lithify::chunk_place;
using lithify::digest128;
using lithify::errc;
using lithify::pass_digests;
using lithify::engine::compare_digests;
using lithify::engine::digest_comparison;
using lithify::engine::digest_writer;
using lithify::engine::dump;
using lithify::engine::traced_run;
using lithify::test::read_file;
using lithify::test::temporary_folder;
using lithify::test::write_file;
using testing::HasSubstr;

/// 2 x 3 chunks.
traced_run small_run() { return {{200, 300, 64}, 30.0, 0.1, {7, 8}, "cpu"}; }

using change = std::function<void(std::int64_t step, pass_digests&)>;

/// Passes of a step; of every part the digest is made up from its name, step and chunk.
std::vector<pass_digests> passes_of(std::int64_t step, const change& plant) {
  std::vector<pass_digests> passes;
  for (const char* pass : {"start", "diffusion", "end"}) {
    pass_digests& p = passes.emplace_back();
    p.pass = pass;
    p.frame_offset = 100 * step;
    const std::vector<std::string> parts = p.pass == "end"
                                               ? std::vector<std::string>{"voxels"}
                                               : std::vector<std::string>{"rock", "deltas"};
    for (const std::string& part : parts) {
      lithify::traced_part& t = p.parts.emplace_back();
      t.name = part;
      for (std::uint64_t c = 0; c < 6; ++c) {
        // Half of the chunks stay as they are.
        const std::uint64_t when = c % 2 == 0 ? 0 : static_cast<std::uint64_t>(step);
        t.chunk.push_back({lithify::mix64(when * 100 + c), part.size()});
      }
    }
    plant(step, p);
  }
  return passes;
}

class digest_files : public testing::Test {
 protected:
  /// Steps first..last, before them the end of the step before.
  std::string written(
      const std::string& name,
      std::int64_t first,
      std::int64_t last,
      const change& plant = [](std::int64_t, pass_digests&) {},
      const traced_run& run = small_run()) {
    const std::string file = (folder / name).string();
    digest_writer to(file, run);
    const std::vector<pass_digests> before = passes_of(first - 1, plant);
    to.add(first - 1, {&before.back(), 1});
    for (std::int64_t step = first; step <= last; ++step) {
      to.add(step, passes_of(step, plant));
    }
    return file;
  }
  static std::string refused(const std::string& a, const std::string& b, errc code) {
    try {
      (void)compare_digests(a, b);
      ADD_FAILURE() << "accepted";
    } catch (const lithify::error& e) {
      EXPECT_EQ(e.code(), code) << e.what();
      EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos);
      return e.what();
    }
    return "";
  }
  temporary_folder folder;
};

TEST_F(digest_files, of_equal_runs_are_equal) {
  const std::string a = written("a", 1, 5);
  traced_run other = small_run();
  other.device = "cuda:0";
  other.scenario = {1, 1};
  const std::string b = written(
      "b", 1, 5, [](std::int64_t, pass_digests&) {}, other);
  const digest_comparison c = compare_digests(a, b);
  EXPECT_FALSE(c.differ);
  EXPECT_EQ(c.first_step, 0);
  EXPECT_EQ(c.last_step, 5);
  EXPECT_FALSE(c.goes_on[0] || c.goes_on[1]);
  EXPECT_EQ(c.run[1].device, "cuda:0");
  EXPECT_EQ(c.run[1].scenario, (digest128{1, 1}));
  EXPECT_EQ(c.run[0].size, small_run().size);
  EXPECT_EQ(c.run[0].voxel_height_m, 0.1);
  EXPECT_THAT(read_file(a), HasSubstr(" = ")) << "what stays is not written again";
}

TEST_F(digest_files, lead_to_the_first_step_pass_part_and_chunk) {
  const std::string a = written("a", 1, 5);
  const std::string b = written("b", 1, 5, [](std::int64_t step, pass_digests& p) {
    if (step == 3 && p.pass == "diffusion") {
      p.parts[1].chunk[5].high ^= 1;
      p.parts[1].chunk[3].low ^= std::uint64_t{1} << 63;
    } else if (step > 3) {
      p.parts[0].chunk[0].low ^= 1;
    }
  });
  for (const bool swapped : {false, true}) {
    const digest_comparison c = swapped ? compare_digests(b, a) : compare_digests(a, b);
    ASSERT_TRUE(c.differ);
    EXPECT_EQ(c.step, 3);
    EXPECT_EQ(c.pass, "diffusion");
    EXPECT_FALSE(c.frames_differ);
    ASSERT_EQ(c.parts.size(), 1U);
    EXPECT_EQ(c.parts[0].name, "deltas");
    EXPECT_EQ(c.parts[0].chunk, (chunk_place{1, 1}));
    EXPECT_EQ(c.parts[0].chunks, 2);
  }
}

TEST_F(digest_files, lead_to_frames_too) {
  const std::string a = written("a", 1, 2);
  const std::string b = written("b", 1, 2, [](std::int64_t step, pass_digests& p) {
    p.frame_remainder += step == 2 && p.pass == "start" ? 1 : 0;
  });
  const digest_comparison c = compare_digests(a, b);
  ASSERT_TRUE(c.differ && c.frames_differ);
  EXPECT_EQ(c.step, 2);
  EXPECT_EQ(c.pass, "start");
  EXPECT_TRUE(c.parts.empty());
  EXPECT_EQ(c.at[1].frame_remainder, 1);
}

TEST_F(digest_files, of_a_resumed_run_are_compared_from_its_first_step) {
  const std::string whole = written("a", 1, 9);
  const std::string resumed = written("b", 5, 7);
  for (const bool swapped : {false, true}) {
    const digest_comparison c =
        swapped ? compare_digests(resumed, whole) : compare_digests(whole, resumed);
    EXPECT_FALSE(c.differ);
    EXPECT_EQ(c.first_step, 4);
    EXPECT_EQ(c.last_step, 7);
    EXPECT_EQ(c.goes_on[swapped ? 1 : 0], true);
    EXPECT_EQ(c.goes_on[swapped ? 0 : 1], false);
  }
  const std::string wrong = written("c", 5, 7, [](std::int64_t step, pass_digests& p) {
    p.parts[0].chunk[1].low ^= step == 4 && p.pass == "end" ? 1 : 0;
  });
  const digest_comparison c = compare_digests(whole, wrong);
  ASSERT_TRUE(c.differ);
  EXPECT_EQ(c.step, 4);
  EXPECT_EQ(c.pass, "end");
  EXPECT_EQ(c.parts[0].chunk, (chunk_place{1, 0}));
  EXPECT_THAT(refused(written("d", 1, 2), resumed, errc::invalid_argument),
              HasSubstr("no step in common"));
}

TEST_F(digest_files, of_other_regions_passes_and_fields_are_refused) {
  const std::string a = written("a", 1, 2);
  traced_run other = small_run();
  other.size.x = 201;
  EXPECT_THAT(refused(a,
                      written(
                          "b", 1, 2, [](std::int64_t, pass_digests&) {}, other),
                      errc::invalid_argument),
              HasSubstr("201 x 300 x 64"));
  other = small_run();
  other.cell_size_m = 30.5;
  EXPECT_THAT(refused(a,
                      written(
                          "b", 1, 2, [](std::int64_t, pass_digests&) {}, other),
                      errc::invalid_argument),
              HasSubstr("30.5"));
  EXPECT_THAT(refused(a,
                      written("b", 1, 2,
                              [](std::int64_t, pass_digests& p) {
                                p.pass = p.pass == "diffusion" ? "talus" : p.pass;
                              }),
                      errc::invalid_argument),
              HasSubstr("'talus'"));
  EXPECT_THAT(refused(a,
                      written("b", 1, 2,
                              [](std::int64_t, pass_digests& p) {
                                if (p.parts.size() == 2) {
                                  p.parts.pop_back();
                                }
                              }),
                      errc::invalid_argument),
              HasSubstr("'deltas'"));
}

TEST_F(digest_files, damaged_anywhere_are_named_or_differ) {
  const std::string a = written("a", 1, 3);
  const std::string whole = read_file(a);
  const std::string b = (folder / "b").string();
  // Cut off anywhere: never equal to the end, never anything but one line.
  for (std::size_t n = 0; n < whole.size(); n += n < 300 ? 1 : 37) {
    write_file(b, whole.substr(0, n));
    try {
      const digest_comparison c = compare_digests(a, b);
      EXPECT_FALSE(c.differ);
      EXPECT_TRUE(c.goes_on[0]) << n;
      EXPECT_TRUE(whole.substr(0, n).ends_with("done " + std::to_string(c.last_step) + "\n"));
    } catch (const lithify::error& e) {
      EXPECT_TRUE(e.code() == errc::corrupt_file || e.code() == errc::unsupported_version ||
                  e.code() == errc::invalid_argument)
          << n << ": " << e.what();
      EXPECT_THAT(e.what(), HasSubstr("b'"));
    }
  }
  // A character that is another one.
  for (std::size_t n = 0; n < whole.size(); n += n < 300 ? 1 : 29) {
    std::string damaged = whole;
    damaged[n] = damaged[n] == '\x01' ? 'x' : '\x01';
    write_file(b, damaged);
    try {
      const digest_comparison c = compare_digests(a, b);
      // Names of devices are not compared; an '=' stands for what the other file has.
      EXPECT_TRUE(c.differ || c.run[1].device != "cpu") << n;
    } catch (const lithify::error& e) {
      EXPECT_NE(e.code(), errc::internal) << n << ": " << e.what();
    }
  }
}

TEST_F(digest_files, that_are_none_are_refused) {
  const std::string a = written("a", 1, 1);
  const std::string b = (folder / "b").string();
  EXPECT_THAT(refused(a, b, errc::not_found), HasSubstr("b'"));
  EXPECT_THAT(refused(a, folder.path().string(), errc::io_failure), HasSubstr("folder"));
  for (const char* text : {"", "\n", "lithify", "lithify dump 1\n", "\x89HDF", "digests"}) {
    write_file(b, text);
    EXPECT_THAT(refused(a, b, errc::corrupt_file), HasSubstr("--digests"));
  }
  std::string later = read_file(a);
  later.replace(later.find('1'), 1, "2");
  write_file(b, later);
  EXPECT_THAT(refused(b, a, errc::unsupported_version), HasSubstr("version 2"));
}

TEST_F(digest_files, that_cannot_be_written_say_so) {
  try {
    const digest_writer to(folder / "nowhere" / "a", small_run());
    ADD_FAILURE() << "accepted";
  } catch (const lithify::error& e) {
    EXPECT_EQ(e.code(), errc::io_failure);
    EXPECT_THAT(e.what(), HasSubstr("nowhere"));
  }
  try {
    const digest_writer to("/dev/full", small_run());
    ADD_FAILURE() << "accepted";
  } catch (const lithify::error& e) {
    EXPECT_EQ(e.code(), errc::out_of_space);
  }
}

/// The last chunk of the region, 72 x 44 cells, made by hand.
lithify::chunk_values last_chunk() {
  lithify::chunk_values v;
  v.pass = "diffusion";
  v.chunk = {1, 2};
  v.frame_offset = -5;
  v.frame_remainder = 6;
  std::vector<std::int32_t> top(72 * 44);
  std::vector<std::int64_t> sediment(top.size());
  for (std::size_t i = 0; i < top.size(); ++i) {
    top[i] = static_cast<std::int32_t>(i) - 1;
    sediment[i] = -(std::int64_t{1} << 40) * static_cast<std::int64_t>(i);
  }
  v.fields = {lithify::field::make<std::int32_t>("rock_top", "voxel", {44, 72}, top),
              lithify::field::make<std::int64_t>("sediment", "quantum", {44, 72}, sediment)};
  v.deltas = {{{128, 256, 3}, 9, 16}, {{128, 256, 4}, 2, 0}, {{199, 299, 63}, 1, 7}};
  return v;
}

TEST(dumps, are_read_as_they_were_written) {
  const temporary_folder folder;
  const dump d = dump_of(small_run(), 12, last_chunk());
  ASSERT_EQ(d.values.size(), 72U * 44U * 3U);
  EXPECT_EQ(d.values[2], "3:16:9,4:0:2");
  EXPECT_EQ(d.values[5], "-");
  EXPECT_EQ(d.values.back(), "63:7:1");
  write_dump(folder / "d", d);
  const dump read = lithify::engine::read_dump(folder / "d");
  EXPECT_EQ(read.step, 12);
  EXPECT_EQ(read.pass, "diffusion");
  EXPECT_EQ(read.chunk, (chunk_place{1, 2}));
  EXPECT_EQ(read.frame_offset, -5);
  EXPECT_EQ(read.frame_remainder, 6);
  EXPECT_EQ(read.names, (std::vector<std::string>{"rock_top", "sediment", "deltas"}));
  EXPECT_EQ(read.values, d.values);
  EXPECT_FALSE(compare_dumps(d, read).has_value());
}

TEST(dumps, lead_to_the_first_cell) {
  const dump a = dump_of(small_run(), 12, last_chunk());
  dump b = a;
  const std::size_t cell = 72 * 3 + 5;
  b.values[3 * cell + 1] = "1";
  b.values[3 * cell + 2] = "1:2:3";
  b.values.back() = "-";
  const auto found = compare_dumps(a, b);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->x, 128 + 5);
  EXPECT_EQ(found->y, 256 + 3);
  EXPECT_EQ(found->name, "sediment");
  EXPECT_EQ(found->value[0], a.values[3 * cell + 1]);
  EXPECT_EQ(found->value[1], "1");
  EXPECT_EQ(found->cells, 2);
  for (const auto& alter : std::vector<std::function<void(dump&)>>{
           [](dump& d) { ++d.step; }, [](dump& d) { d.pass = "talus"; },
           [](dump& d) {
             d.chunk = {0, 2};
           },
           [](dump& d) { d.run.size.z = 65; }, [](dump& d) { d.names[0] = "rock"; }}) {
    dump other = a;
    alter(other);
    EXPECT_THROW((void)compare_dumps(a, other), lithify::error);
  }
}

TEST(dumps, of_voxels_hold_spans) {
  lithify::column_list columns;
  for (std::int64_t i = 0; i <= 72 * 44; ++i) {
    columns.offset.push_back(2 * i);
  }
  for (int i = 0; i < 72 * 44; ++i) {
    columns.span.push_back({0, 20, 5});
    columns.span.push_back({20, 64, 0});
  }
  const dump d = dump_of(small_run(), 3, {1, 2}, columns);
  EXPECT_EQ(d.pass, "end");
  EXPECT_EQ(d.names, std::vector<std::string>{"voxels"});
  ASSERT_EQ(d.values.size(), 72U * 44U);
  EXPECT_EQ(d.values[7], "5:0-20,0:20-64");
}

TEST(dumps, damaged_anywhere_are_named) {
  const temporary_folder folder;
  write_dump(folder / "d", dump_of(small_run(), 12, last_chunk()));
  const std::string whole = read_file(folder / "d");
  for (std::size_t n = 0; n < whole.size(); n += n < 400 ? 1 : 997) {
    write_file(folder / "e", whole.substr(0, n));
    try {
      (void)lithify::engine::read_dump(folder / "e");
      ADD_FAILURE() << "accepted " << n << " bytes";
    } catch (const lithify::error& e) {
      EXPECT_TRUE(e.code() == errc::corrupt_file || e.code() == errc::unsupported_version);
      EXPECT_THAT(e.what(), HasSubstr("e'"));
    }
  }
}

}  // namespace
