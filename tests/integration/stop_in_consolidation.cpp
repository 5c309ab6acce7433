// A helper of run_exactness_test: goes on from checkpoint 3 of a folder for two steps, stops a
// consolidation right after the step of it that the last argument numbers, and leaves a checkpoint
// of the world as it is then. Exits 7, or 0 if there are fewer steps, or 8 if the world has
// changed.
#include "lithify/engine/import.hpp"
#include "lithify/io/checkpoint.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace {

struct stopped : std::runtime_error {
  stopped() : std::runtime_error("stopped") {}
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    return 2;
  }
  const lithify::engine::scenario s = lithify::engine::read_scenario(argv[1]);
  const std::string folder = argv[2];
  const int last = std::atoi(argv[3]);
  const lithify::io::checkpoint from =
      lithify::io::read_checkpoint(folder + "/checkpoint-00000003.h5");
  const lithify::overlay_policy never{std::int64_t{1} << 30};
  lithify::world w = lithify::engine::make_world(from, never, s.passes, "cpu");
  lithify::io::budget_totals books = from.state.budget;
  for (int step = 0; step < 2; ++step) {
    const lithify::step_report report = w.step(s.step_yr);
    books.edited += report.edited;
    for (const lithify::pass_budget& pass : report.passes) {
      books.in += pass.in;
      books.out += pass.out;
      books.exported += pass.exported;
    }
  }
  const lithify::digest128 before = w.state_digest();
  const std::int64_t pending = w.current().delta_count();
  int code = 0;
  try {
    int step = 0;
    w.consolidate(lithify::consolidation_strategy::all, [&](const char*) {
      if (step++ == last) {
        throw stopped();
      }
    });
  } catch (const stopped&) {
    code = w.current().delta_count() == pending ? 7 : 8;
  }
  if (w.state_digest() != before || pending == 0) {
    return 8;
  }
  lithify::io::checkpoint data = lithify::engine::take_checkpoint(w);
  data.state.budget = books;
  data.scenario = from.scenario;
  lithify::io::write_checkpoint(folder + "/checkpoint-00000005.h5", data);
  return code;
}
