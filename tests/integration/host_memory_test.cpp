// Host memory that runs out anywhere in a call of the façade: a typed error, and nothing changed.
#include "lithify/base/error.hpp"
#include "lithify/engine/import.hpp"
#include "lithify/engine/run.hpp"
#include "lithify/io/checkpoint.hpp"
#include "program.hpp"
#include "refused_allocations.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <new>
#include <numeric>
#include <string>

namespace {

using lithify::voxel_edit;
using lithify::world;
using lithify::test::allocations_left;
using lithify::test::set_allocations_left;

world hilly_world() {
  const lithify::test::temporary_folder folder;
  const auto s = lithify::engine::read_scenario(lithify::test::write_small_world(folder));
  return lithify::engine::make_world(lithify::engine::read_columns(s.world, s.materials),
                                     s.materials, {1 << 20}, s.passes, "cpu");
}

/// Refuses the first, the second, ... allocation of `call` on a world that `prepare` made, until
/// none is left to refuse. A refused call changes nothing and works when it is made again; one that
/// can do without what was refused does all of its work. Gives how many allocations were refused.
template <class Prepare, class Call>
int refuse_each(Prepare prepare, Call call) {
  world after = prepare();
  call(after);
  for (int n = 0;; ++n) {
    SCOPED_TRACE("allocation " + std::to_string(n));
    world w = prepare();
    const lithify::digest128 before = w.state_digest();
    const std::uint64_t batch = w.current().batch_number();
    const std::int64_t pending = w.current().delta_count();
    set_allocations_left(n);
    try {
      call(w);
      const bool refused = allocations_left() < 0;
      set_allocations_left(-1);
      if (!refused) {
        return n;
      }
    } catch (const lithify::error& e) {
      set_allocations_left(-1);
      EXPECT_EQ(e.code(), lithify::errc::out_of_memory) << e.what();
      EXPECT_EQ(w.state_digest(), before);
      EXPECT_EQ(w.current().batch_number(), batch);
      EXPECT_EQ(w.current().delta_count(), pending);
      call(w);
    }
    EXPECT_EQ(w.state_digest(), after.state_digest());
    EXPECT_EQ(w.current().batch_number(), after.current().batch_number());
    EXPECT_EQ(w.current().delta_count(), after.current().delta_count());
    if (testing::Test::HasFailure()) {
      return n;
    }
  }
}

const std::vector<voxel_edit> edits = {{{4, 4, 18}, 5}, {{9, 7, 3}, 0}, {{4, 4, 18}, 6}};

world stepped_world() {
  world w = hilly_world();
  w.step(100.0);
  return w;
}
world edited_world() {
  world w = stepped_world();
  w.commit(edits);
  return w;
}

TEST(host_memory, that_runs_out_in_a_commit_changes_nothing) {
  EXPECT_GT(refuse_each(stepped_world, [](world& w) { w.commit(edits); }), 5);
}

TEST(host_memory, that_runs_out_in_a_step_changes_nothing) {
  EXPECT_GT(refuse_each(stepped_world, [](world& w) { w.step(100.0); }), 10);
  EXPECT_GT(refuse_each(edited_world, [](world& w) { w.step(100.0); }), 10);
}

TEST(host_memory, that_runs_out_in_a_consolidation_changes_nothing) {
  EXPECT_GT(refuse_each(edited_world, [](world& w) { w.consolidate(); }), 10);
}

TEST(host_memory, that_runs_out_in_a_build_changes_nothing) {
  const auto prepare = [] {
    world w = edited_world();
    w.consolidate();  // leaves a version to be freed
    w.commit(edits);
    return w;
  };
  const std::int64_t columns = hilly_world().config().size.columns();
  std::vector<std::int64_t> offset(static_cast<std::size_t>(columns) + 1);
  std::iota(offset.begin(), offset.end(), 0);
  const std::vector<std::int32_t> top(static_cast<std::size_t>(columns), 9);
  const std::vector<lithify::material_id> material(static_cast<std::size_t>(columns), 5);
  EXPECT_GT(refuse_each(prepare, [&](world& w) { w.build(offset, top, material); }), 5);
}

TEST(host_memory, that_runs_out_in_a_load_changes_nothing) {
  const world other = edited_world();
  const lithify::voxel_image image = other.current().image();
  ASSERT_FALSE(image.overlay_key.empty());
  const auto load = [&](world& w) { w.load(image, 7, 3); };
  EXPECT_GT(refuse_each(stepped_world, load), 10);
}

/// One that no pass has looked at.
world idle_world() {
  const world other = edited_world();
  world w = world::create(other.config(), "cpu");
  w.load(other.current().image(), 1);
  return w;
}

TEST(host_memory, that_runs_out_in_a_query_is_a_typed_error) {
  const lithify::voxel_box all = hilly_world().config().size.box();
  const auto refuse = [](auto query) {
    return refuse_each(edited_world, [&](world& w) { (void)query(w); });
  };
  EXPECT_GT(refuse([&](world& w) { return w.current().box(all, 1); }), 1);
  EXPECT_GT(refuse([&](world& w) { return w.current().runs(all, 0); }), 1);
  EXPECT_GT(refuse([&](world& w) { return w.current().columns(all); }), 1);
  EXPECT_GT(refuse([&](world& w) { return w.current().tops(); }), 1);
  EXPECT_GT(refuse([&](world& w) { return w.current().image(); }), 1);
  EXPECT_GT(refuse([&](world& w) { return w.current().content_digest(); }), 1);
  EXPECT_GT(refuse([&](world& w) { return w.column_fields(); }), 1);
  EXPECT_GT(refuse([&](world& w) { return w.surface(); }), 1);
  EXPECT_GT(refuse_each(idle_world, [](world& w) { (void)w.stored(); }), 1);
}

/// After the third step of a run, does something.
class third_step_observer : public lithify::engine::run_observer {
 public:
  explicit third_step_observer(std::function<void()> act) : act_(std::move(act)) {}
  void note(const std::string& /*text*/) override {}
  void warn(const std::string& /*text*/) override {}
  lithify::engine::run_request after_step(const lithify::engine::run_progress& p) override {
    if (p.step == 3) {
      act_();
    }
    return lithify::engine::run_request::go_on;
  }

 private:
  std::function<void()> act_;
};

/// What a run said whose `act` befell it after its third step, or nothing.
std::string said_by_run(const std::filesystem::path& scenario,
                        const std::filesystem::path& out,
                        const std::function<void()>& act) {
  lithify::engine::run_options options;
  options.device = "cpu";
  options.out = out;
  options.checkpoint_every = 0;
  third_step_observer observer(act);
  std::string said;
  try {
    (void)lithify::engine::run(lithify::engine::read_scenario(scenario), options, observer);
  } catch (const lithify::error& e) {
    said = e.what();
    if (said.find("state after step 3") != std::string::npos) {
      EXPECT_EQ(e.code(), lithify::errc::out_of_memory) << said;
      EXPECT_THAT(said, testing::StartsWith("out of")) << "what ended the step comes first";
    }
  } catch (const std::bad_alloc&) {
    said = "out of host memory";  // between two steps
  }
  set_allocations_left(-1);
  return said;
}

TEST(host_memory, that_runs_out_in_a_step_of_a_run_keeps_the_state_before_it_or_says_so) {
  const lithify::test::temporary_folder folder;
  const std::string scenario = lithify::test::write_small_world(folder);
  const auto could_not = testing::HasSubstr("state after step 3 could not be kept (");
  int kept = 0, no_folder = 0, no_memory = 0;
  for (int n = 0; n < 400 && (kept < 3 || no_folder < 3); n += 7) {
    const std::filesystem::path out = folder / ("out" + std::to_string(n));
    if (said_by_run(scenario, out, [&] {
          set_allocations_left(n);
        }).find("state after step 3 is kept in '") != std::string::npos) {
      ++kept;
      const auto found = lithify::io::read_checkpoint(out / "checkpoint-00000003.h5");
      EXPECT_EQ(found.state.step, 3);
    }
    const std::string said = said_by_run(scenario, out.string() + "gone", [&] {
      std::filesystem::remove_all(out.string() + "gone");
      set_allocations_left(n);
    });
    no_folder += testing::Value(said, could_not) ? 1 : 0;
  }
  // What ended the step is refused again, to the checkpoint.
  for (int then = 0; then < 200 && no_memory < 3; ++then) {
    const std::string said = said_by_run(scenario, folder / ("short" + std::to_string(then)),
                                         [&] { set_allocations_left(0, then); });
    no_memory += testing::Value(said, could_not) ? 1 : 0;
  }
  EXPECT_GE(kept, 3);
  EXPECT_GE(no_folder, 3);
  EXPECT_GE(no_memory, 3);
}

}  // namespace
