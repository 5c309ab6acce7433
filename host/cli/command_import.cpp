/// `lithify import`: a DEM becomes a checkpoint at step 0.
#include "command.hpp"
#include "lithify/engine/import.hpp"
#include "stage_progress.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

namespace lithify::cli {

namespace {

struct import_arguments {
  std::string dem;
  std::string out;
  io::column_options columns;
  std::optional<double> resample_m;
  std::string strata;
  std::string nodata = "clip";
  std::string crop;
  progress_mode progress = progress_mode::automatic;
};

io::nodata_policy parse_nodata(const std::string& word) {
  return word == "fill"    ? io::nodata_policy::fill
         : word == "error" ? io::nodata_policy::error
                           : io::nodata_policy::clip;
}

engine::world_source source_of(const import_arguments& a, const material_table& materials) {
  engine::world_source source;
  source.dem = a.dem;
  source.columns = a.columns;
  source.import.nodata = parse_nodata(a.nodata);
  source.import.resample_m = a.resample_m;
  if (!a.crop.empty()) {
    const auto c = parse_numbers(a.crop, "--crop", "X,Y,W,H");
    require(c[0] >= 0 && c[1] >= 0 && c[2] >= 1 && c[3] >= 1, errc::invalid_argument,
            "--crop: '" + a.crop + "' must have X and Y of at least 0, W and H of at least 1");
    source.import.crop = {c[0], c[1], c[2], c[3]};
  }
  source.strata =
      a.strata.empty() ? io::default_strata(materials) : io::read_strata(a.strata, materials);
  return source;
}

struct imported {
  io::checkpoint data;
  std::string remark;  // of the file layer, or empty
};

imported write_imported(const program& p, const import_arguments& a) {
  const material_table materials;
  const engine::world_source source = source_of(a, materials);
  stage_progress progress(a.progress, 4);
  progress.begin("reading the DEM");
  const io::column_model model = engine::read_columns(source, materials);
  progress.begin("laying " + grouped(model.size.columns()) + " columns");
  world w = engine::make_world(model, materials, {}, {}, "cpu");
  progress.begin("taking its state and the digest of " + voxels_text(model.size));
  io::checkpoint data = engine::take_checkpoint(w);
  data.state.budget.stored_at_start = w.stored();
  data.provenance = provenance(p);
  progress.begin("writing the checkpoint");
  std::string remark = io::write_checkpoint(a.out, data);
  return {std::move(data), std::move(remark)};
}

int import_dem(const program& p, const import_arguments& a) {
  require_writable(a.out, {a.dem, a.strata});
  require_own_kind(a.out, "checkpoint", begins_with(io::checkpoint_signature));
  const auto [data, remark] = write_imported(p, a);
  fmt::print("{}: {} x {} x {} voxels of {} m x {} m, digest {}\n", a.out, data.voxels.size.x,
             data.voxels.size.y, data.voxels.size.z, data.geometry.cell_size_m,
             data.geometry.voxel_height_m, to_string(data.digest));
  return done_with(remark);
}

}  // namespace

void add_import(program& p) {
  CLI::App* const c = p.app.add_subcommand("import", "Make a world from a DEM");
  const auto a = std::make_shared<import_arguments>();
  c->add_option("DEM", a->dem, "GeoTIFF or ESRI ASCII grid, in metres")->required();
  c->add_option("-o", a->out, "Checkpoint to write")->required();
  constexpr real_range length_m{0.0, 1e6, true};  // as in scenarios
  constexpr real_range depth_m{0.0, 1e6};
  add_real(*c, "--voxel-height", "Metres", length_m, [a](double m) {
    a->columns.voxel_height_m = m;
  })->default_str(fmt::format("{}", a->columns.voxel_height_m));
  add_real(*c, "--basement", "Metres of ground under the lowest surface", depth_m, [a](double m) {
    a->columns.basement_m = m;
  })->default_str(fmt::format("{}", a->columns.basement_m));
  add_real(*c, "--headroom", "Metres of air above the highest surface", depth_m, [a](double m) {
    a->columns.headroom_m = m;
  })->default_str(fmt::format("{}", a->columns.headroom_m));
  add_real(*c, "--resample", "New cell size in metres, bilinear", length_m,
           [a](double m) { a->resample_m = m; });
  c->add_option("--strata", a->strata, "Strata (TOML); else soil, sandstone, limestone, granite");
  c->add_option("--nodata", a->nodata, "fill, clip or error")
      ->check(CLI::IsMember({"fill", "clip", "error"}))
      ->capture_default_str();
  c->add_option("--crop", a->crop, "X,Y,W,H in cells from the south-west corner");
  add_progress(*c, a->progress);
  c->footer("Example: lithify import dem.tif -o world.h5 --voxel-height 2 --crop 0,0,256,256");
  c->callback([&p, a] { p.action = [&p, a] { return import_dem(p, *a); }; });
}

}  // namespace lithify::cli
