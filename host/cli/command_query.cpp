/// `lithify query`: materials of a checkpoint's voxels.
#include "command.hpp"
#include "lithify/engine/import.hpp"

#include <fmt/format.h>

namespace lithify::cli {

namespace {

struct query_arguments {
  std::string file;
  std::string at;
  std::string box;
  int lod = 0;
};

/// "X0,Y0,Z0:X1,Y1,Z1".
voxel_box parse_box(const std::string& text) {
  const std::size_t colon = text.find(':');
  require(colon != std::string::npos, errc::invalid_argument,
          "--box: '" + text + "' must be X0,Y0,Z0:X1,Y1,Z1, the upper corner excluded");
  return {parse_voxel(text.substr(0, colon), "--box"),
          parse_voxel(text.substr(colon + 1), "--box")};
}

int query(const query_arguments& a) {
  require(a.at.empty() != a.box.empty(), errc::invalid_argument,
          "give a voxel X,Y,Z or --box X0,Y0,Z0:X1,Y1,Z1");
  const bool point = a.box.empty();
  const voxel at = point ? parse_voxel(a.at, "voxel") : voxel{};
  const voxel_box box = point ? voxel_box{} : parse_box(a.box);
  const world w = engine::make_world(io::read_checkpoint(a.file), "cpu");
  const material_table& materials = w.config().materials;
  if (point) {
    const material_id m = w.current().material(at, a.lod);
    fmt::print("{} {}\n", m, materials[m].name);
    return exit_code::ok;
  }
  for (const cube_run& run : w.current().runs(box, a.lod)) {
    fmt::print("{},{},{}:{},{},{} lod {} {} {}\n", run.box.min.x, run.box.min.y, run.box.min.z,
               run.box.max.x, run.box.max.y, run.box.max.z, run.level, run.material,
               materials[run.material].name);
  }
  return exit_code::ok;
}

}  // namespace

void add_query(program& p) {
  CLI::App* const c = p.app.add_subcommand("query", "Print materials of voxels");
  const auto a = std::make_shared<query_arguments>();
  c->add_option("FILE", a->file, "Checkpoint")->required();
  c->add_option("VOXEL", a->at, "X,Y,Z from the south-west corner of the floor");
  c->add_option("--box", a->box,
                "X0,Y0,Z0:X1,Y1,Z1, half-open: cubes of one material that tile it");
  add_whole(*c, "--lod", "Cubes of 2^K voxels", 0, coordinate_bits, [a](std::int64_t k) {
    a->lod = static_cast<int>(k);
  })->default_str("0");
  c->footer(
      "Example: lithify query world.h5 120,80,640\n"
      "         lithify query world.h5 --box 0,0,600:64,64,664 --lod 3");
  c->callback([&p, a] { p.action = [a] { return query(*a); }; });
}

}  // namespace lithify::cli
