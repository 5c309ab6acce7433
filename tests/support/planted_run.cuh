/// A run from a checkpoint with nothing but the device layers, so that a test can reach into a
/// step; it leaves the same files as `lithify run --digests FILE --dump STEP:PASS:CHUNK FILE`.
#pragma once

#include "lithify/deltas/detail/overlay.cuh"
#include "lithify/engine/trace_files.hpp"
#include "lithify/io/checkpoint.hpp"
#include "lithify/octree/detail/index.cuh"
#include "lithify/passes/detail/simulation.cuh"

#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace lithify::test::inline LITHIFY_BACKEND {

/// STEP:PASS:CHUNK.
struct trace_place {
  std::int64_t step;
  std::string pass;
  chunk_place chunk;
};

class planted_run {
 public:
  /// Called with every stage before it is noted down; may change it.
  using plant = std::function<void(device::exec, std::int64_t step, const passes::stage_state&)>;

  planted_run(const io::checkpoint& from, std::vector<pass_config> passes)
      : index_(ex(), from.voxels.size),
        overlay_(ex(), index_),
        simulation_(
            start(from), overlay_, from.geometry, from.materials, std::move(passes), from.sides),
        run_{from.voxels.size, from.geometry.cell_size_m, from.geometry.voxel_height_m, {}, "test"},
        step_(from.state.step) {
    simulation_.load(ex(), from.columns, {from.state.frame_offset, from.state.frame_remainder});
  }
  ~planted_run() { stream_.ref().synchronize(); }

  void run(std::int64_t steps,
           double step_yr,
           const std::filesystem::path& digests,
           const trace_place& place,
           const std::filesystem::path& dump,
           const plant& change) {
    engine::digest_writer to(digests, run_);
    to.add(step_, std::vector<pass_digests>{end_of_step()});
    while (step_ < steps) {
      std::vector<pass_digests> seen;
      const std::int64_t number = step_ + 1;
      simulation_.step(ex(), step_yr, number, [&](const passes::stage_state& state) {
        change(ex(), number, state);
        seen.push_back(passes::digest_stage(ex(), state));
        if (number == place.step && place.pass == state.pass) {
          engine::write_dump(
              dump, engine::dump_of(run_, number, passes::read_chunk(ex(), state, place.chunk)));
        }
      });
      ++step_;
      seen.push_back(end_of_step());
      to.add(step_, seen);
    }
  }

 private:
  device::exec ex() { return {stream_.ref(), &pool_}; }

  device::exec start(const io::checkpoint& from) {
    overlay_.reset(ex(), index_.load(ex(), from.voxels), from.state.batch_number);
    return ex();
  }

  /// As README.md of host/engine defines the digest of `voxels`.
  pass_digests end_of_step() {
    const chunk_place chunks = chunks_of(run_.size);
    traced_part voxels{"voxels",
                       std::vector<digest128>(static_cast<std::size_t>(chunks.x * chunks.y))};
    const deltas::reading now(ex(), overlay_.current());
    for (const octree::chunk_digest& c : octree::chunk_digests(ex(), now.merged())) {
      const voxel at = morton_decode(c.chunk);
      hasher128 h(static_cast<std::uint64_t>(at.z));
      h.add(c.digest);
      digest128& sum = voxels.chunk[static_cast<std::size_t>(at.y * chunks.x + at.x)];
      sum.low += h.finish().low;
      sum.high += h.finish().high;
    }
    const passes::frame_position frame = simulation_.frame();
    return {"end", frame.offset, frame.remainder, {voxels}};
  }

  device::memory_pool pool_;
  device::stream stream_;
  octree::index index_;
  deltas::overlay overlay_;
  passes::simulation simulation_;
  engine::traced_run run_;
  std::int64_t step_;
};

}  // namespace lithify::test::inline LITHIFY_BACKEND
