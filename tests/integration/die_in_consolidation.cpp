// A helper of run_exactness_test: goes on from a checkpoint and dies inside a consolidation, right
// after the step of it that the last argument numbers. Exits 0 if there are fewer steps.
#include "lithify/engine/import.hpp"

#include <unistd.h>

#include <cstdlib>
#include <string>

int main(int argc, char** argv) {
  if (argc != 4) {
    return 2;
  }
  const lithify::engine::scenario s = lithify::engine::read_scenario(argv[1]);
  const int last = std::atoi(argv[3]);
  lithify::world w =
      lithify::engine::make_world(lithify::io::read_checkpoint(argv[2]), {}, s.passes, "cpu");
  w.step(s.step_yr);
  w.step(s.step_yr);
  int step = 0;
  w.consolidate(lithify::consolidation_strategy::all, [&](const char*) {
    if (step++ == last) {
      ::_exit(7);
    }
  });
  return 0;
}
