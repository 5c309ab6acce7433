/// One quantum too many on one backend: found with `run --digests`, `diff --first`, `run --dump`
/// and `diff`, by step, pass, field, chunk and cell.
///
/// One side is the program on the CPU, the other this test's backend, into which it plants.
#include "lithify/engine/scenario.hpp"
#include "planted_run.cuh"
#include "program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>

namespace lithify::test::inline LITHIFY_BACKEND {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr int cells_x = 150;
constexpr int cells_y = 140;

/// What is planted: one more of `field` at a cell, after `place.pass` of `place.step`.
struct planted {
  trace_place place;
  const char* field;
  std::int64_t cell;
};

class planted_difference : public testing::Test {
 protected:
  planted_difference() {
    write_small_world(folder, cells_x, cells_y);
    const outcome done = lithify({"run", scenario, "--device", "cpu", "--out", in("cpu"),
                                  "--digests", in("cpu.digests"), "--checkpoint-every", "0", "-q"});
    EXPECT_EQ(done.code, 0) << done.err;
  }
  [[nodiscard]] std::string in(const std::string& name) const { return (folder / name).string(); }

  /// The same run on this backend.
  void run_here(const planted& p, int quanta) const {
    const engine::scenario s = engine::read_scenario(scenario);
    planted_run run(io::read_checkpoint(in("cpu/checkpoint-00000000.h5")), s.passes);
    run.run(s.steps, s.step_yr, in("here.digests"), p.place, in("here.dump"),
            [&](device::exec ex, std::int64_t step, const passes::stage_state& state) {
              if (step == p.place.step && state.pass == p.place.pass) {
                plant(ex, state, p, quanta);
              }
            });
  }

  static void plant(device::exec ex,
                    const passes::stage_state& state,
                    const planted& p,
                    int quanta) {
    for (const passes::stage_field& f : state.fields) {
      const auto add = [&]<class T>(T* values) {
        const T value = static_cast<T>(device::read(ex, values + p.cell) + quanta);
        device::copy_to_device(ex, values + p.cell, &value, 1);
      };
      if (std::string(f.name) == p.field && f.type == field_type::int32) {
        add(static_cast<std::int32_t*>(f.values));
      } else if (std::string(f.name) == p.field) {
        add(static_cast<std::int64_t*>(f.values));
      }
    }
  }

  temporary_folder folder;
  std::string scenario = in("s.toml");
};

TEST_F(planted_difference, of_nothing_is_none) {
  const planted none{{4, "diffusion", {1, 0}}, "sediment", 0};
  run_here(none, 0);
  const outcome first = lithify({"diff", "--first", in("cpu.digests"), in("here.digests")});
  EXPECT_EQ(first.code, 0) << first.out << first.err;
  EXPECT_THAT(first.out, HasSubstr("after steps 0 to 6"));
  const outcome done = lithify({"run", scenario, "--device", "cpu", "--out", in("again"), "--steps",
                                "4", "--dump", "4:diffusion:1,0", in("cpu.dump"), "-q"});
  EXPECT_EQ(done.code, 0) << done.err;
  const outcome values = lithify({"diff", in("cpu.dump"), in("here.dump")});
  EXPECT_EQ(values.code, 0) << values.out << values.err;
  EXPECT_THAT(values.out, StartsWith("equal"));
}

TEST_F(planted_difference, of_one_quantum_is_found) {
  const planted plants[] = {
      {{4, "diffusion", {1, 0}}, "sediment", 77 * cells_x + 133},
      {{2, "start", {0, 1}}, "residual", 131 * cells_x + 9},
      {{6, "boundary", {1, 1}}, "remainder_north", 139 * cells_x + 149},
  };
  for (const planted& p : plants) {
    SCOPED_TRACE(p.field);
    run_here(p, 1);
    const std::string chunk =
        std::to_string(p.place.chunk.x) + "," + std::to_string(p.place.chunk.y);
    const std::string step = std::to_string(p.place.step);
    const std::string place = step + ":" + p.place.pass + ":" + chunk;

    const outcome first = lithify({"diff", "--first", in("cpu.digests"), in("here.digests")});
    EXPECT_EQ(first.code, 1) << first.err;
    EXPECT_THAT(first.out, StartsWith("they part at      step " + step + ", pass " + p.place.pass));
    EXPECT_THAT(first.out, HasSubstr("\n" + std::string(p.field) + " "));
    EXPECT_THAT(first.out, HasSubstr("chunk " + chunk + " is the first of 1 that differs"));
    EXPECT_EQ(std::count(first.out.begin(), first.out.end(), '\n'), 3) << first.out;

    // What the program says to do next.
    EXPECT_THAT(first.out, HasSubstr("--steps " + step + " --dump " + place + " FILE"));
    const outcome done = lithify({"run", scenario, "--device", "cpu", "--out", in("cpu_" + step),
                                  "--steps", step, "--dump", place, in("cpu.dump"), "-q"});
    EXPECT_EQ(done.code, 0) << done.err;
    const outcome values = lithify({"diff", in("cpu.dump"), in("here.dump")});
    EXPECT_EQ(values.code, 1) << values.err;
    EXPECT_THAT(values.out, StartsWith("cell " + std::to_string(p.cell % cells_x) + "," +
                                       std::to_string(p.cell / cells_x) + ": " + p.field + " is "));
    EXPECT_THAT(values.out, HasSubstr("\n1 cell differs in chunk " + chunk));
  }
}

}  // namespace
}  // namespace lithify::test::inline LITHIFY_BACKEND
