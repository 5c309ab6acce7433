#include "drawing.hpp"
#include "lithify/base/error.hpp"
#include "lithify/io/render.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

namespace lithify::io {

namespace {

constexpr std::int64_t least_width_px = 900;
constexpr std::int64_t most_width_px = 1600;
constexpr std::int64_t panel_height_px = 440;
constexpr std::int64_t left_px = 78;        // elevations
constexpr std::int64_t right_px = 36;       // half of the last distance
constexpr std::int64_t top_px = 40;         // the place, the factor of exaggeration
constexpr std::int64_t axis_px = 54;        // distances and their name
constexpr std::int64_t least_seen_px = 16;  // chosen: fewer pixels of a material nobody finds
constexpr rgba sky_high = {196, 216, 234, 255};
constexpr rgba sky_low = {238, 242, 244, 255};
constexpr rgba nothing = {226, 224, 220, 255};  // under a column without data

struct named_color {
  std::string_view name;
  rgba color;
};

// Geological habit where there is one: limestone blue, sandstone and sand yellow, granite pink.
constexpr std::array named_colors = {
    named_color{"air", {222, 232, 240, 255}},       named_color{"water", {78, 138, 196, 255}},
    named_color{"soil", {106, 76, 50, 255}},        named_color{"sand", {232, 212, 154, 255}},
    named_color{"rock", {136, 134, 132, 255}},      named_color{"granite", {205, 158, 148, 255}},
    named_color{"basalt", {74, 74, 84, 255}},       named_color{"limestone", {142, 172, 196, 255}},
    named_color{"sandstone", {222, 178, 100, 255}}, named_color{"clay", {168, 124, 98, 255}},
    named_color{"gravel", {168, 158, 138, 255}},    named_color{"ice", {186, 222, 240, 255}},
    named_color{"snow", {246, 250, 253, 255}},      named_color{"lava", {206, 72, 34, 255}},
    named_color{"magma", {250, 120, 30, 255}},      named_color{"dirt", {136, 100, 70, 255}},
    named_color{"sediment", {244, 226, 120, 255}},
};

class section_picture {
 public:
  section_picture(const section_view& cut, const material_table& materials)
      : cut_(cut), materials_(materials) {
    check();
    choose_range();
    panel_ = std::clamp(cut.nx, least_width_px, most_width_px);
    for (std::size_t id = 0; id < materials.size(); ++id) {
      colors_.push_back(material_color(static_cast<material_id>(id), materials));
    }
  }

  image draw() {
    constexpr std::int64_t below = top_px + panel_height_px + axis_px;
    picture_ = image(left_px + panel_ + right_px, below, paper);
    shown_.assign(static_cast<std::size_t>(panel_ * panel_height_px), air);
    draw_voxels();
    draw_surface();
    draw_axes();
    const std::vector<swatch> legend = swatches();
    picture_.height += draw_swatches(nullptr, 0, 0, panel_, legend) + 12;
    picture_.pixels.resize(static_cast<std::size_t>(picture_.width * picture_.height), paper);
    draw_swatches(&picture_, left_px, below + 4, panel_, legend);
    return std::move(picture_);
  }

 private:
  void check() const {
    constexpr std::int64_t most = std::int64_t{1} << 42;
    require(
        cut_.nx >= 1 && cut_.nz >= 1 && cut_.nx <= most / cut_.nz &&
            cut_.material.size() == static_cast<std::size_t>(cut_.nx * cut_.nz) &&
            (cut_.surface_m.empty() || cut_.surface_m.size() == static_cast<std::size_t>(cut_.nx)),
        errc::invalid_argument, "a section's arrays do not match its size");
    require(std::isfinite(cut_.cell_size_m) && cut_.cell_size_m > 0.0 &&
                std::isfinite(cut_.voxel_height_m) && cut_.voxel_height_m > 0.0 &&
                std::isfinite(cut_.floor_m),
            errc::invalid_argument, "a section's lengths must be positive");
    for (const material_id id : cut_.material) {
      require(id < materials_.size(), errc::invalid_argument,
              "a section holds a material beyond the table");
    }
  }

  [[nodiscard]] material_id at(std::int64_t x, std::int64_t z) const {
    return cut_.material[static_cast<std::size_t>(z * cut_.nx + x)];
  }

  // Elevation of the ground in column x: as given, else the highest voxel that is not air.
  [[nodiscard]] double surface(std::int64_t x) const {
    if (!cut_.surface_m.empty()) {
      return cut_.surface_m[static_cast<std::size_t>(x)];
    }
    for (std::int64_t z = cut_.nz; z-- > 0;) {
      if (at(x, z) != air) {
        return cut_.floor_m + static_cast<double>(z + 1) * cut_.voxel_height_m;
      }
    }
    return std::nan("");
  }

  // Around the surface: a deep basement would press the relief into a line.
  void choose_range() {
    double low = HUGE_VAL;
    double high = -HUGE_VAL;
    for (std::int64_t x = 0; x < cut_.nx; ++x) {
      const double z = surface(x);
      if (std::isfinite(z)) {
        low = std::min(low, z);
        high = std::max(high, z);
      }
    }
    const double floor = cut_.floor_m;
    const double ceiling = floor + static_cast<double>(cut_.nz) * cut_.voxel_height_m;
    if (low > high) {
      low = floor;
      high = ceiling;
    }
    const double relief = high - low;
    const double below = std::max(0.35 * relief, 40.0 * cut_.voxel_height_m);
    const double above = std::max(0.12 * relief, 6.0 * cut_.voxel_height_m);
    low_ = std::clamp(low - below, floor, ceiling - cut_.voxel_height_m);
    high_ = std::clamp(high + above, low_ + cut_.voxel_height_m, ceiling);
  }

  [[nodiscard]] double elevation(double row) const {
    return high_ - (high_ - low_) * row / static_cast<double>(panel_height_px);
  }
  [[nodiscard]] std::int64_t voxel_at(double elevation_m) const {
    const double z = std::floor((elevation_m - cut_.floor_m) / cut_.voxel_height_m);
    return static_cast<std::int64_t>(std::clamp(z, 0.0, static_cast<double>(cut_.nz - 1)));
  }
  [[nodiscard]] std::int64_t column_at(std::int64_t pixel) const {
    return std::min(cut_.nx - 1, pixel * cut_.nx / panel_);
  }

  [[nodiscard]] rgba color_of(std::int64_t x, std::int64_t z, const rgba& sky) const {
    const material_id id = at(x, z);
    if (id != air) {
      return colors_[id];
    }
    const bool empty_column = !cut_.surface_m.empty() && !std::isfinite(surface(x));
    return empty_column ? nothing : sky;
  }

  /// What the pixel of a panel is for the legend: the material that most of it shows.
  [[nodiscard]] material_id& shown(std::int64_t column, std::int64_t row) {
    return shown_[static_cast<std::size_t>(row * panel_ + column)];
  }
  [[nodiscard]] static material_id most_frequent(std::span<const material_id> ids) {
    const auto times = [&](material_id id) { return std::count(ids.begin(), ids.end(), id); };
    return *std::max_element(ids.begin(), ids.end(),
                             [&](material_id a, material_id b) { return times(a) < times(b); });
  }

  // The mean of up to 8 voxels a pixel: thin layers show as a tint instead of flickering.
  void draw_voxels() {
    constexpr int most_samples = 8;
    const double rows_per_voxel = cut_.voxel_height_m / (high_ - low_) * panel_height_px;
    const int samples =
        std::clamp(static_cast<int>(std::ceil(1.0 / rows_per_voxel)), 1, most_samples);
    for (std::int64_t row = 0; row < panel_height_px; ++row) {
      const rgba sky = mix(sky_high, sky_low, static_cast<double>(row) / panel_height_px);
      for (std::int64_t column = 0; column < panel_; ++column) {
        const std::int64_t x = column_at(column);
        std::array<double, 3> sum{};
        std::array<material_id, most_samples> ids{};
        for (int i = 0; i < samples; ++i) {
          const double place = static_cast<double>(row) + (i + 0.5) / samples;
          const std::int64_t z = voxel_at(elevation(place));
          ids[static_cast<std::size_t>(i)] = at(x, z);
          const rgba c = color_of(x, z, sky);
          for (std::size_t k = 0; k < sum.size(); ++k) {
            sum[k] += c[k];
          }
        }
        shown(column, row) = most_frequent({ids.data(), static_cast<std::size_t>(samples)});
        rgba& pixel = picture_.at(left_px + column, top_px + row);
        for (std::size_t k = 0; k < sum.size(); ++k) {
          pixel[k] = static_cast<std::uint8_t>(std::lround(sum[k] / samples));
        }
      }
    }
    frame(picture_, left_px - 1, top_px - 1, panel_ + 2, panel_height_px + 2, faint_ink);
  }

  void draw_surface() {
    if (cut_.surface_m.empty()) {
      return;
    }
    std::int64_t previous = -1;
    for (std::int64_t column = 0; column < panel_; ++column) {
      const double z = surface(column_at(column));
      if (!std::isfinite(z)) {
        previous = -1;
        continue;
      }
      const auto row = std::clamp<std::int64_t>(
          std::llround((high_ - z) / (high_ - low_) * panel_height_px), 0, panel_height_px - 1);
      const std::int64_t first = previous < 0 ? row : std::min(row, previous);
      const std::int64_t last = previous < 0 ? row : std::max(row, previous);
      fill(picture_, left_px + column, top_px + first, 1, last - first + 2, ink);
      for (std::int64_t hidden = first; hidden < std::min(last + 2, panel_height_px); ++hidden) {
        shown(column, hidden) = air;
      }
      previous = row;
    }
  }

  void draw_axes() {
    const double step = round_step(high_ - low_, 7);
    for (const double value : ticks(low_, high_, step)) {
      const std::int64_t row =
          top_px + std::llround((high_ - value) / (high_ - low_) * panel_height_px);
      const std::string text = format_number(value, step_decimals(step));
      fill(picture_, left_px - 7, row, 6, 1, ink);
      draw_text(picture_, left_px - 12 - text_width(text, 2), row - 7, text, ink, 2);
    }
    const double length = static_cast<double>(cut_.nx) * cut_.cell_size_m;
    const bool in_km = length >= 5000.0;
    const double unit = in_km ? 1000.0 : 1.0;
    const double along = round_step(length / unit, 9);
    for (const double value : ticks(0.0, length / unit, along)) {
      const std::int64_t column =
          left_px + std::llround(value * unit / length * static_cast<double>(panel_ - 1));
      const std::string text = format_number(value, step_decimals(along));
      const std::int64_t width = text_width(text, 2);
      fill(picture_, column, top_px + panel_height_px + 1, 1, 6, ink);
      draw_text(picture_, std::min(column - width / 2, picture_.width - width - 6),
                top_px + panel_height_px + 10, text, ink, 2);
    }
    const std::string distance = std::string("DISTANCE ") + (in_km ? "km" : "m");
    draw_text(picture_, left_px + panel_ - text_width(distance, 2), top_px + panel_height_px + 32,
              distance, ink, 2);
    draw_text(picture_, 6, 12, "ELEVATION m", ink, 2);
    if (cut_.place) {
      draw_text(picture_, 174, 12, place_text(*cut_.place), ink, 2);
    }
    const double factor = (static_cast<double>(panel_height_px) / (high_ - low_)) /
                          (static_cast<double>(panel_) / length);
    const std::string right = "HEIGHT x " + format_short(factor);
    draw_text(picture_, left_px + panel_ - text_width(right, 2), 12, right, ink, 2);
  }

  [[nodiscard]] std::string place_text(const section_place& p) const {
    const double away_m = (static_cast<double>(p.cell) + 0.5) * cut_.cell_size_m;
    return (p.west_to_east ? "WEST TO EAST AT Y = " : "SOUTH TO NORTH AT X = ") +
           std::to_string(p.cell) + ", " + format_length(away_m) +
           (p.west_to_east ? " FROM SOUTH" : " FROM WEST");
  }

  // Materials that can be seen, in the order of the table; air needs no name.
  [[nodiscard]] std::vector<swatch> swatches() const {
    std::vector<std::int64_t> pixels(materials_.size(), 0);
    for (const material_id id : shown_) {
      ++pixels[id];
    }
    std::vector<swatch> legend;
    for (std::size_t id = 0; id < pixels.size(); ++id) {
      if (id != air && pixels[id] >= least_seen_px) {
        legend.push_back({colors_[id], upper(materials_[static_cast<material_id>(id)].name)});
      }
    }
    return legend;
  }

  const section_view& cut_;
  const material_table& materials_;
  double low_ = 0.0;
  double high_ = 1.0;
  std::int64_t panel_ = 0;
  std::vector<rgba> colors_;
  std::vector<material_id> shown_;  // a pixel of the panel
  image picture_;
};

}  // namespace

rgba material_color(material_id id, const material_table& materials) {
  const std::string& name = materials[id].name;
  for (const named_color& known : named_colors) {
    if (known.name == name) {
      return known.color;
    }
  }
  // FNV-1a of the name: the same colour in every picture, spread over muted hues.
  std::uint32_t hash = 2166136261U;
  for (const char c : name) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  }
  const auto part = [hash](int shift) {
    return static_cast<std::uint8_t>(80 + (hash >> shift) % 140);
  };
  return {part(0), part(8), part(16), 255};
}

image section(const section_view& cut, const material_table& materials) {
  return section_picture(cut, materials).draw();
}

}  // namespace lithify::io
