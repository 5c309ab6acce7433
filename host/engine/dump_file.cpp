/// Dumps: the values of one chunk after one pass, and the first difference between two.
#include "lithify/base/error.hpp"
#include "lithify/io/text_file.hpp"
#include "texts.hpp"
#include "trace_text.hpp"

#include <algorithm>

namespace lithify::engine {

namespace {

namespace fs = std::filesystem;

/// Appends to a list of entries; "-" stands for one without any.
void append(std::string& list, const std::string& entry) {
  list = list.empty() || list == "-" ? entry : list + "," + entry;
}

/// Texts of a chunk's deltas, a cell each.
std::vector<std::string> delta_texts(const std::vector<traced_delta>& deltas,
                                     const voxel_box& box) {
  const std::int64_t width = box.max.x - box.min.x;
  std::vector<std::string> texts(
      static_cast<std::size_t>(width * std::int64_t{box.max.y - box.min.y}), "-");
  for (const traced_delta& d : deltas) {
    const std::int64_t cell = std::int64_t{d.at.y - box.min.y} * width + (d.at.x - box.min.x);
    append(
        texts[static_cast<std::size_t>(cell)],
        std::to_string(d.at.z) + ":" + std::to_string(d.material) + ":" + std::to_string(d.order));
  }
  return texts;
}

dump header_of(const traced_run& run, std::int64_t step, chunk_place chunk) {
  dump d;
  d.run = run;
  d.step = step;
  d.chunk = chunk;
  return d;
}

std::string text_of(chunk_place chunk) {
  return std::to_string(chunk.x) + "," + std::to_string(chunk.y);
}

std::string place_text(const dump& d) {
  return std::to_string(d.step) + ":" + d.pass + ":" + text_of(d.chunk);
}

}  // namespace

dump dump_of(const traced_run& run, std::int64_t step, const chunk_values& values) {
  dump d = header_of(run, step, values.chunk);
  d.pass = values.pass;
  d.frame_offset = values.frame_offset;
  d.frame_remainder = values.frame_remainder;
  const std::vector<std::string> deltas =
      delta_texts(values.deltas, box_of(values.chunk, run.size));
  for (const field& f : values.fields) {
    d.names.push_back(f.name);
  }
  d.names.emplace_back("deltas");
  for (std::size_t cell = 0; cell < deltas.size(); ++cell) {
    for (const field& f : values.fields) {
      d.values.push_back(value_text(f, cell));
    }
    d.values.push_back(deltas[cell]);
  }
  return d;
}

dump dump_of(const traced_run& run,
             std::int64_t step,
             chunk_place chunk,
             const column_list& columns) {
  dump d = header_of(run, step, chunk);
  d.pass = end_pass;
  d.names = {"voxels"};
  for (std::size_t cell = 0; cell + 1 < columns.offset.size(); ++cell) {
    std::string spans = "-";
    for (std::int64_t i = columns.offset[cell]; i < columns.offset[cell + 1]; ++i) {
      const column_span& s = columns.span[static_cast<std::size_t>(i)];
      append(spans, std::to_string(s.material) + ":" + std::to_string(s.bottom) + "-" +
                        std::to_string(s.top));
    }
    d.values.push_back(std::move(spans));
  }
  return d;
}

std::string write_dump(const fs::path& file, const dump& d) {
  std::string text = header_text(trace_kind::dump, d.run);
  text += "step " + std::to_string(d.step) + "\npass " + d.pass + "\nchunk " + text_of(d.chunk) +
          "\nframe " + std::to_string(d.frame_offset) + " " + std::to_string(d.frame_remainder) +
          "\ncell x y";
  for (const std::string& name : d.names) {
    text += " " + name;
  }
  text += "\n";
  const voxel_box box = box_of(d.chunk, d.run.size);
  std::size_t i = 0;
  for (std::int32_t y = box.min.y; y < box.max.y; ++y) {
    for (std::int32_t x = box.min.x; x < box.max.x; ++x) {
      text += std::to_string(x) + " " + std::to_string(y);
      for (std::size_t n = 0; n < d.names.size(); ++n) {
        text += " " + d.values.at(i++);
      }
      text += "\n";
    }
  }
  return io::write_text(file, text + "done\n");
}

dump read_dump(const fs::path& file) {
  line_reader lines(file, trace_kind::dump);
  dump d;
  d.run = lines.run();
  lines.expect("step", 1);
  d.step = lines.whole(1);
  lines.expect("pass", 1);
  d.pass = lines.words()[1];
  lines.expect("chunk", 1);
  d.chunk = lines.chunk(1);
  lines.expect("frame", 2);
  d.frame_offset = lines.whole(1);
  d.frame_remainder = lines.whole(2);
  if (!lines.next() || !lines.starts_with("cell") || lines.words().size() < 4) {
    lines.refuse("here must stand 'cell x y' and the names of values");
  }
  d.names.assign(lines.words().begin() + 3, lines.words().end());
  const voxel_box box = box_of(d.chunk, d.run.size);
  for (std::int32_t y = box.min.y; y < box.max.y; ++y) {
    for (std::int32_t x = box.min.x; x < box.max.x; ++x) {
      const std::string cell = std::to_string(x);
      lines.expect(cell.c_str(), d.names.size() + 1);
      if (lines.whole(1) != y) {
        lines.refuse("here must stand the values of cell (" + cell + ", " + std::to_string(y) +
                     ")");
      }
      d.values.insert(d.values.end(), lines.words().begin() + 2, lines.words().end());
    }
  }
  lines.expect("done", 0);
  if (lines.next()) {
    lines.refuse("the dump ended in the line before");
  }
  return d;
}

std::optional<value_difference> compare_dumps(const dump& a, const dump& b) {
  require_same_region(a.run, b.run, "A", "B");
  require(place_text(a) == place_text(b), errc::invalid_argument,
          "the dumps are of different places: " + place_text(a) + " and " + place_text(b));
  require(a.names == b.names, errc::invalid_argument, "the dumps are of different fields");
  const std::size_t width = a.names.size();
  const voxel_box box = box_of(a.chunk, a.run.size);
  const std::int32_t columns = box.max.x - box.min.x;
  value_difference found;
  for (std::size_t cell = 0; cell < a.values.size() / width; ++cell) {
    const auto begin = a.values.begin() + static_cast<std::ptrdiff_t>(cell * width);
    const auto end = begin + static_cast<std::ptrdiff_t>(width);
    const auto [at, other] =
        std::mismatch(begin, end, b.values.begin() + static_cast<std::ptrdiff_t>(cell * width));
    if (at != end && found.cells++ == 0) {
      found.x = box.min.x + static_cast<std::int32_t>(cell) % columns;
      found.y = box.min.y + static_cast<std::int32_t>(cell) / columns;
      found.name = a.names[static_cast<std::size_t>(at - begin)];
      found.value[0] = *at;
      found.value[1] = *other;
    }
  }
  return found.cells > 0 ? std::optional(found) : std::nullopt;
}

}  // namespace lithify::engine
