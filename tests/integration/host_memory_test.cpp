// Host memory that runs out anywhere in a call of the façade: a typed error, and nothing changed.
#include "lithify/base/error.hpp"
#include "lithify/engine/import.hpp"
#include "program.hpp"
#include "refused_allocations.hpp"

#include <gtest/gtest.h>

#include <new>

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
  EXPECT_GE(refuse([&](world& w) { return w.stored(); }), 1);
}

}  // namespace
