#include "checks.hpp"

#include "lithify/base/error.hpp"

#include <cmath>
#include <string>

namespace lithify::engine {

namespace {

std::string to_string(const region_size& s) {
  return "[0, " + std::to_string(s.x) + ") x [0, " + std::to_string(s.y) + ") x [0, " +
         std::to_string(s.z) + ")";
}

void refuse(const std::string& message) { throw error(errc::invalid_argument, message); }

void require_positive(double value, const char* name) {
  if (!(std::isfinite(value) && value > 0.0)) {
    refuse(std::string(name) + " is " + std::to_string(value) + "; it must be finite and positive");
  }
}

void require_finite(double value, const char* name) {
  if (!std::isfinite(value)) {
    refuse(std::string(name) + " is not finite");
  }
}

}  // namespace

void require_inside(const region_size& size, voxel at) {
  if (!size.contains(at)) {
    throw error(errc::outside_region,
                "voxel " + lithify::to_string(at) + " is outside the region " + to_string(size));
  }
}

void require_chunk(const region_size& size, chunk_place chunk) {
  const chunk_place chunks = chunks_of(size);
  require(chunk.x >= 0 && chunk.x < chunks.x && chunk.y >= 0 && chunk.y < chunks.y,
          errc::outside_region,
          "chunk " + std::to_string(chunk.x) + "," + std::to_string(chunk.y) +
              " is outside the region: it has " + std::to_string(chunks.x) + " x " +
              std::to_string(chunks.y) + " chunks of " + std::to_string(trace_chunk) + " x " +
              std::to_string(trace_chunk) + " columns");
}

void require_lod(int lod) {
  if (lod < 0 || lod > coordinate_bits) {
    refuse("lod is " + std::to_string(lod) + "; it must be from 0 to " +
           std::to_string(coordinate_bits));
  }
}

void require_box(const region_size& size, const voxel_box& box) {
  const std::string text =
      "box " + lithify::to_string(box.min) + " to " + lithify::to_string(box.max);
  if (box.empty()) {
    refuse(text + " is empty; boxes are half-open, each min must be below its max");
  }
  if (!size.box().contains(box)) {
    throw error(errc::outside_region, text + " leaves the region " + to_string(size));
  }
}

void require_config(const world_config& config) {
  for (const std::int32_t extent : {config.size.x, config.size.y, config.size.z}) {
    if (extent < 1 || extent > max_extent) {
      refuse("region size " + to_string(config.size) + ": each extent must be from 1 to " +
             std::to_string(max_extent));
    }
  }
  require_positive(config.geometry.cell_size_m, "cell_size_m");
  require_positive(config.geometry.voxel_height_m, "voxel_height_m");
  require_finite(config.geometry.datum_m, "datum_m");
  require_finite(config.geometry.origin_x_m, "origin_x_m");
  require_finite(config.geometry.origin_y_m, "origin_y_m");
  if (config.overlay.threshold < 1) {
    refuse("overlay threshold is " + std::to_string(config.overlay.threshold) +
           "; it must be at least 1");
  }
}

void require_material(const material_table& materials, material_id m) {
  if (m >= materials.size()) {
    refuse("material " + std::to_string(m) + " is not in the material table, which has " +
           std::to_string(materials.size()));
  }
}

void require_columns(const world_config& config,
                     std::span<const std::int64_t> offset,
                     std::span<const std::int32_t> top,
                     std::span<const material_id> material) {
  const std::int64_t columns = config.size.columns();
  const std::int64_t spans = static_cast<std::int64_t>(top.size());
  if (static_cast<std::int64_t>(offset.size()) != columns + 1 || top.size() != material.size() ||
      offset.front() != 0 || offset.back() != spans) {
    refuse("columns of spans need " + std::to_string(columns + 1) +
           " offsets from 0 to the number of spans, and a top and a material a span");
  }
  for (std::size_t c = 0; c + 1 < offset.size(); ++c) {
    std::int32_t below = 0;
    bool good = offset[c] <= offset[c + 1] && offset[c + 1] <= spans;
    for (std::int64_t s = offset[c]; good && s < offset[c + 1]; ++s) {
      const std::size_t i = static_cast<std::size_t>(s);
      good = top[i] > below && top[i] <= config.size.z && material[i] < config.materials.size();
      below = top[i];
    }
    if (!good) {
      const std::int64_t x = static_cast<std::int64_t>(c) % config.size.x;
      const std::int64_t y = static_cast<std::int64_t>(c) / config.size.x;
      refuse("column (" + std::to_string(x) + ", " + std::to_string(y) +
             "): tops must rise from 1 to at most " + std::to_string(config.size.z) +
             ", materials must be in the table");
    }
  }
}

void require_image(const world_config& config, const voxel_image& image) {
  if (!(image.size == config.size)) {
    refuse("the image is of a region " + to_string(image.size) + ", the world of " +
           to_string(config.size));
  }
  const auto same = [](std::size_t a, std::size_t b) {
    if (a != b) {
      refuse("the image's arrays contradict each other in length");
    }
  };
  same(image.uniform_key.size(), image.uniform_level.size());
  same(image.uniform_key.size(), image.uniform_material.size());
  same(image.dense_key.size() * brick_voxels, image.dense_voxels.size());
  same(image.sparse_key.size(), image.sparse_record.size());
  same(image.overlay_key.size(), image.overlay_material.size());
  const auto known = [&](material_id m) { require_material(config.materials, m); };
  for (const auto* list : {&image.uniform_material, &image.dense_voxels, &image.overlay_material}) {
    for (const material_id m : *list) {
      known(m);
    }
  }
  for (const sparse_brick& b : image.sparse_record) {
    known(b.majority);
    if (b.count > sparse_brick::capacity) {
      refuse("a sparse brick of the image claims " + std::to_string(b.count) + " voxels");
    }
    for (int i = 0; i < b.count; ++i) {
      known(b.other[i]);
    }
  }
  for (const morton_key key : image.overlay_key) {
    require_inside(config.size, morton_decode(key));
  }
}

}  // namespace lithify::engine
