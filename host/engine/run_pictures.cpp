#include "run_pictures.hpp"

#include "lithify/engine/drainage.hpp"

#include <algorithm>
#include <string>

namespace lithify::engine {

namespace {

relief relief_of(const world& w) {
  return {w.config().size, w.config().geometry, w.simulation().frame_offset, w.surface()};
}

}  // namespace

bool run_pictures::wants(picture p) const {
  return std::find(scenario_.pictures.begin(), scenario_.pictures.end(), p) !=
         scenario_.pictures.end();
}

void run_pictures::keep_start(const run_start& from) {
  goes_on_here_ = from.resumed && from.resumed->here;
  if (!wants(picture::before) && !wants(picture::difference)) {
    return;
  }
  messages_.drawing("the surface of the start", [&] {
    before_ = from.resumed && from.at.simulation().step > 0
                  ? first_surface(scenario_, *from.resumed, from.at.config().size)
                  : relief_of(from.at);
  });
}

template <class F>
void run_pictures::save(picture p, F&& image) {
  const bool of_start = p == picture::before || p == picture::difference;
  if (!wants(p)) {
    return;
  }
  const std::string name = std::string(picture_words[static_cast<std::size_t>(p)]) + ".png";
  const std::filesystem::path file = folder_ / name;
  bool drawn = false;
  if (!of_start || !before_.height.empty()) {
    messages_.drawing("'" + name + "'", [&] {
      messages_.tell(io::write_png(file, image()));
      files_.push_back(file);
      drawn = true;
    });
  }
  std::error_code ignored;
  const bool still_right = p == picture::before && goes_on_here_;
  if (!drawn && !still_right && std::filesystem::is_regular_file(file, ignored)) {
    messages_.tell({set_aside_earlier(file, "another state")});
  }
}

void run_pictures::draw(const world& w, const run_records& records) {
  if (scenario_.pictures.empty()) {
    return;
  }
  const relief after = relief_of(w);
  const cut middle{cut::axis::y, after.size.y / 2};
  // Beside each other they are of one scale of colours.
  const bool both = wants(picture::before) && wants(picture::after) && !before_.height.empty();
  save(picture::before, [&] { return draw_hillshade(before_, both ? after : before_); });
  save(picture::after, [&] { return draw_hillshade(after, both ? before_ : after); });
  save(picture::difference, [&] { return draw_difference(before_, after, w.column_fields()); });
  save(picture::section,
       [&] { return draw_section(after, w.current(), scenario_.materials, middle); });
  save(picture::material, [&] { return draw_materials(after, w.current(), scenario_.materials); });
  if (wants(picture::drainage) || wants(picture::slope_area)) {
    const drainage_map water = w.drainage();
    save(picture::drainage, [&] { return draw_drainage(after, water); });
    save(picture::slope_area, [&] { return draw_slope_area(after, water); });
  }
  save(picture::exported, [&] { return draw_export(after, w.column_fields()); });
  save(picture::series, [&] { return records.draw_series(); });
}

}  // namespace lithify::engine
