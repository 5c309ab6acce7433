/// `lithify render`: a checkpoint becomes a picture.
#include "command.hpp"
#include "lithify/engine/drainage.hpp"
#include "lithify/engine/import.hpp"
#include "lithify/engine/pictures.hpp"

#include <fmt/format.h>

#include <charconv>

namespace lithify::cli {

namespace {

struct render_arguments {
  std::string file;
  std::string out;
  std::string view = "hillshade";
  std::string against;
  std::string at;
};

engine::relief relief_of(const io::checkpoint& data, const std::string& file) {
  try {
    return {data.voxels.size, data.geometry, data.state.frame_offset, engine::surface_of(data)};
  } catch (const error& e) {
    throw error(e.code(), "checkpoint '" + file + "' cannot be drawn: " + e.what());
  }
}

/// "x=120" or "y=80"; empty: the middle, from west to east.
engine::cut parse_cut(const std::string& text, const region_size& size) {
  if (text.empty()) {
    return {engine::cut::axis::y, size.y / 2};
  }
  engine::cut where;
  where.normal = text.front() == 'x' ? engine::cut::axis::x : engine::cut::axis::y;
  const char* const end = text.data() + text.size();
  const bool named = text.starts_with("x=") || text.starts_with("y=");
  const auto [stop, failed] =
      std::from_chars(text.data() + std::min<std::size_t>(2, text.size()), end, where.at);
  require(named && failed == std::errc() && stop == end, errc::invalid_argument,
          "--at: '" + text + "' must be x=N or y=N, a cell from the south-west corner");
  return where;
}

/// A difference of two places would be a picture of nothing.
void require_same_place(const io::checkpoint& earlier,
                        const io::checkpoint& data,
                        const std::string& file) {
  const region_geometry& a = earlier.geometry;
  const region_geometry& b = data.geometry;
  const std::string differs =
      earlier.voxels.size.x != data.voxels.size.x || earlier.voxels.size.y != data.voxels.size.y
          ? "another size"
      : a.cell_size_m != b.cell_size_m                               ? "another cell size"
      : a.origin_x_m != b.origin_x_m || a.origin_y_m != b.origin_y_m ? "another south-west corner"
                                                                     : "";
  require(differs.empty(), errc::invalid_argument,
          "--against: '" + file + "' has " + differs +
              " than the checkpoint to draw; give an earlier one of the same world");
}

io::image draw(const render_arguments& a, const io::checkpoint& data) {
  const engine::relief surface = relief_of(data, a.file);
  if (a.view == "hillshade") {
    return engine::draw_hillshade(surface);
  }
  if (a.view == "difference") {
    const io::checkpoint earlier = io::read_checkpoint(a.against);
    require_same_place(earlier, data, a.against);
    return engine::draw_difference(relief_of(earlier, a.against), surface, data.columns);
  }
  if (a.view == "export") {
    return engine::draw_export(surface, data.columns);
  }
  if (a.view == "drainage" || a.view == "slope-area") {
    const world w = engine::make_world(data, {}, {}, "cpu");
    const drainage_map water = w.drainage();
    return a.view == "drainage" ? engine::draw_drainage(surface, water)
                                : engine::draw_slope_area(surface, water);
  }
  const engine::cut where = parse_cut(a.at, data.voxels.size);
  const world w = engine::make_world(data, "cpu");
  return a.view == "material" ? engine::draw_materials(surface, w.current(), data.materials)
                              : engine::draw_section(surface, w.current(), data.materials, where);
}

int render(const render_arguments& a) {
  require((a.view == "difference") != a.against.empty(), errc::invalid_argument,
          "--view difference and --against FILE go together");
  require(a.view == "section" || a.at.empty(), errc::invalid_argument,
          "--at goes with --view section");
  require_writable(a.out, {a.file, a.against});
  require_own_kind(a.out, "PNG", begins_with(io::png_signature));
  const io::image picture = draw(a, io::read_checkpoint(a.file));
  const std::string remark = io::write_png(a.out, picture);
  fmt::print("{}: {} x {} pixels\n", a.out, picture.width, picture.height);
  return done_with(remark);
}

}  // namespace

void add_render(program& p) {
  CLI::App* const c = p.app.add_subcommand("render", "Draw a checkpoint as a PNG");
  const auto a = std::make_shared<render_arguments>();
  c->add_option("FILE", a->file, "Checkpoint")->required();
  c->add_option("-o", a->out, "PNG to write")->required();
  c->add_option("--view", a->view,
                "hillshade, material, section, difference, drainage, export or slope-area")
      ->check(CLI::IsMember(
          {"hillshade", "material", "section", "difference", "drainage", "export", "slope-area"}))
      ->capture_default_str();
  c->add_option("--against", a->against, "Earlier checkpoint, for the difference");
  c->add_option("--at", a->at, "Where the section cuts: x=N or y=N; default: the middle row");
  c->footer("Example: lithify render world.h5 -o section.png --view section --at y=320");
  c->callback([&p, a] { p.action = [a] { return render(*a); }; });
}

}  // namespace lithify::cli
