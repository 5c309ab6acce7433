#include "lithify/engine/compare.hpp"

#include "lithify/base/error.hpp"
#include "lithify/engine/import.hpp"
#include "lithify/passes/trace.hpp"
#include "same_world.hpp"
#include "texts.hpp"

#include <algorithm>
#include <cstring>

namespace lithify::engine {

namespace {

class line_list {
 public:
  template <class T>
  void compare(const std::string& what, const T& a, const T& b) {
    if (!(a == b)) {
      lines_.push_back(what + ": " + text_of(a) + " and " + text_of(b));
    }
  }
  void add(const std::string& line) { lines_.push_back(line); }
  [[nodiscard]] std::vector<std::string> take() { return std::move(lines_); }

 private:
  static std::string text_of(double v) { return exact_text(v); }
  static std::string text_of(const std::string& v) { return v; }
  static std::string text_of(const int128& v) { return to_decimal(v); }
  static std::string text_of(std::int64_t v) { return std::to_string(v); }
  static std::string text_of(std::uint64_t v) { return std::to_string(v); }

  std::vector<std::string> lines_;
};

void require_same_region(const io::checkpoint& a, const io::checkpoint& b) {
  require(a.voxels.size == b.voxels.size, errc::invalid_argument,
          "the checkpoints are of two regions: " + size_text(a.voxels.size) + " and " +
              size_text(b.voxels.size) + " voxels");
  if (const auto differs = first_differing_length(a.geometry, b.geometry)) {
    throw error(errc::invalid_argument,
                "the checkpoints are of two regions: " + std::string(differs->what) + " " +
                    exact_text(differs->a) + " m and " + exact_text(differs->b) + " m");
  }
}

void compare_materials(const material_table& a, const material_table& b, line_list& lines) {
  lines.compare("number of materials", static_cast<std::int64_t>(a.size()),
                static_cast<std::int64_t>(b.size()));
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const material& m = a[static_cast<material_id>(i)];
    const material& n = b[static_cast<material_id>(i)];
    if (m.name != n.name || m.kind != n.kind || m.solid_quanta() != n.solid_quanta()) {
      lines.add("material " + std::to_string(i) + ": " + m.name + " of " +
                std::to_string(m.solid_quanta()) + " quanta and " + n.name + " of " +
                std::to_string(n.solid_quanta()) + " quanta, or of another kind");
      return;
    }
  }
}

void compare_field(const field& a, const field& b, std::int64_t nx, line_list& lines) {
  const std::string what = "column field '" + a.name + "'";
  if (a.type != b.type || a.bytes.size() != b.bytes.size()) {
    lines.add(what + ": two types or shapes");
    return;
  }
  const std::size_t bytes = size_of(a.type);
  std::int64_t cells = 0;
  std::size_t first = 0;
  for (std::size_t i = 0; i < a.count(); ++i) {
    const std::size_t at = i * bytes;
    if (std::memcmp(a.bytes.data() + at, b.bytes.data() + at, bytes) != 0 && cells++ == 0) {
      first = i;
    }
  }
  if (cells > 0) {
    const auto cell = static_cast<std::int64_t>(first);
    lines.add(what + ": cell (" + std::to_string(cell % nx) + ", " + std::to_string(cell / nx) +
              ") holds " + value_text(a, first) + " and " + value_text(b, first) + "; " +
              std::to_string(cells) + (cells == 1 ? " cell differs" : " cells differ"));
  }
}

const field* named(const std::vector<field>& fields, const std::string& name) {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const field& f) { return f.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

void compare_fields(const io::checkpoint& a, const io::checkpoint& b, line_list& lines) {
  for (const field& f : a.columns) {
    const field* const other = named(b.columns, f.name);
    if (other != nullptr) {
      compare_field(f, *other, a.voxels.size.x, lines);
    } else {
      lines.add("column field '" + f.name + "': only the first file has it");
    }
  }
  for (const field& f : b.columns) {
    if (named(a.columns, f.name) == nullptr) {
      lines.add("column field '" + f.name + "': only the second file has it");
    }
  }
}

/// Voxels that differ between two lists of the same columns.
struct voxel_differences {
  std::int64_t count = 0;
  std::size_t column = 0;  ///< of the first one
  std::int32_t z = 0;
  material_id material[2] = {air, air};

  void compare(const column_list& a, const column_list& b) {
    for (std::size_t c = 0; c + 1 < a.offset.size(); ++c) {
      std::int64_t i = a.offset[c];
      std::int64_t j = b.offset[c];
      // Both lists tile the column: a span begins where the one before ends.
      while (i < a.offset[c + 1] && j < b.offset[c + 1]) {
        const column_span& s = a.span[static_cast<std::size_t>(i)];
        const column_span& t = b.span[static_cast<std::size_t>(j)];
        const std::int32_t bottom = std::max(s.bottom, t.bottom);
        const std::int32_t top = std::min(s.top, t.top);
        if (s.material != t.material) {
          if (count == 0) {
            column = c;
            z = bottom;
            material[0] = s.material;
            material[1] = t.material;
          }
          count += top - bottom;
        }
        i += s.top == top ? 1 : 0;
        j += t.top == top ? 1 : 0;
      }
    }
  }
};

void compare_voxels(const io::checkpoint& a, const io::checkpoint& b, line_list& lines) {
  const world one = make_world(a, "cpu");
  const world other = make_world(b, "cpu");
  const traced_part digests[2] = {one.current().chunk_digests(), other.current().chunk_digests()};
  const region_size size = a.voxels.size;
  const std::int32_t across = chunks_of(size).x;
  voxel_differences all;
  voxel first;
  for (std::size_t c = 0; c < digests[0].chunk.size(); ++c) {
    if (digests[0].chunk[c] == digests[1].chunk[c]) {
      continue;
    }
    const auto n = static_cast<std::int32_t>(c);
    const voxel_box box = box_of({n % across, n / across}, size);
    const bool none = all.count == 0;
    all.compare(one.current().columns(box), other.current().columns(box));
    if (none && all.count > 0) {
      const auto column = static_cast<std::int32_t>(all.column);
      const std::int32_t width = box.max.x - box.min.x;
      first = {box.min.x + column % width, box.min.y + column / width, all.z};
    }
  }
  if (all.count > 0) {
    lines.add("voxels: " + to_string(first) + " is " + a.materials[all.material[0]].name + " and " +
              b.materials[all.material[1]].name + "; " + std::to_string(all.count) +
              (all.count == 1 ? " voxel differs" : " voxels differ"));
  }
}

}  // namespace

std::vector<std::string> differences(const io::checkpoint& a, const io::checkpoint& b) {
  require_same_region(a, b);
  line_list lines;
  lines.compare("step", a.state.step, b.state.step);
  lines.compare("time_yr", a.state.time_yr, b.state.time_yr);
  lines.compare("frame offset", a.state.frame_offset, b.state.frame_offset);
  lines.compare("frame remainder", a.state.frame_remainder, b.state.frame_remainder);
  lines.compare("random key", a.state.random_key, b.state.random_key);
  lines.compare("random counter", a.state.random_counter, b.state.random_counter);
  if (!(a.sides == b.sides)) {
    lines.add("kinds of sides");
  }
  compare_materials(a.materials, b.materials, lines);
  compare_fields(a, b, lines);
  compare_voxels(a, b, lines);
  const io::budget_totals& p = a.state.budget;
  const io::budget_totals& q = b.state.budget;
  lines.compare("budget, stored at start", p.stored_at_start, q.stored_at_start);
  lines.compare("budget, in", p.in, q.in);
  lines.compare("budget, out", p.out, q.out);
  lines.compare("budget, exported", p.exported, q.exported);
  lines.compare("budget, edited", p.edited, q.edited);
  return lines.take();
}

}  // namespace lithify::engine
