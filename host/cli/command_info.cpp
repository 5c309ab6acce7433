/// `lithify info`, `lithify verify`, `lithify digest`: what a checkpoint is, and whether it is
/// whole.
#include "command.hpp"
#include "lithify/engine/import.hpp"
#include "stage_progress.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace lithify::cli {

namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& w : words) {
    all += (all.empty() ? "" : ", ") + w;
  }
  return all;
}

int info_json(const io::checkpoint_summary& s) {
  using json = nlohmann::ordered_json;
  const io::budget_totals& b = s.state.budget;
  const json info = {{"size", {s.size.x, s.size.y, s.size.z}},
                     {"cell_size_m", s.geometry.cell_size_m},
                     {"voxel_height_m", s.geometry.voxel_height_m},
                     {"datum_m", s.geometry.datum_m},
                     {"origin_m", {s.geometry.origin_x_m, s.geometry.origin_y_m}},
                     {"step", s.state.step},
                     {"time_yr", s.state.time_yr},
                     {"batch_number", s.state.batch_number},
                     {"tick", s.state.tick},
                     {"frame_offset", s.state.frame_offset},
                     {"materials", s.materials},
                     {"columns", s.columns},
                     {"dense_bricks", s.dense_bricks},
                     {"sparse_bricks", s.sparse_bricks},
                     {"uniform_leaves", s.uniform_leaves},
                     {"file_bytes", s.file_bytes},
                     {"budget",
                      {{"in", to_decimal(b.in)},
                       {"out", to_decimal(b.out)},
                       {"exported", to_decimal(b.exported)},
                       {"edited", to_decimal(b.edited)},
                       {"stored_at_start", to_decimal(b.stored_at_start)}}},
                     {"provenance", s.provenance},
                     {"digest", to_string(s.digest)}};
  fmt::print("{}\n", info.dump(2, ' ', false, json::error_handler_t::replace));
  return exit_code::ok;
}

int info(const std::string& file, bool as_json) {
  const io::checkpoint_summary s = io::read_summary(file);
  if (as_json) {
    return info_json(s);
  }
  fmt::print("file              {}, {}\n", file, bytes_text(s.file_bytes));
  fmt::print("region            {} x {} x {} voxels of {} m x {} m x {} m\n", s.size.x, s.size.y,
             s.size.z, s.geometry.cell_size_m, s.geometry.cell_size_m, s.geometry.voxel_height_m);
  fmt::print("south-west corner {} m E, {} m N; floor at {} m\n", s.geometry.origin_x_m,
             s.geometry.origin_y_m, s.geometry.datum_m);
  fmt::print("step              {}, {} yr\n", s.state.step,
             grouped(static_cast<std::int64_t>(s.state.time_yr)));
  fmt::print("voxels            {} dense bricks, {} sparse bricks, {} uniform leaves\n",
             grouped(static_cast<std::int64_t>(s.dense_bricks)),
             grouped(static_cast<std::int64_t>(s.sparse_bricks)),
             grouped(static_cast<std::int64_t>(s.uniform_leaves)));
  fmt::print("materials         {}\n", joined(s.materials));
  fmt::print("column fields     {}\n", joined(s.columns));
  fmt::print("made by           {}\n", s.provenance);
  fmt::print("digest            {}\n", to_string(s.digest));
  return exit_code::ok;
}

/// Whether matter in the world is what the checkpoint's books say.
void require_books_balance(const world& w, const io::checkpoint& data) {
  const io::budget_totals& b = data.state.budget;
  const int128 expected = b.stored_at_start + b.in - b.out - b.exported + b.edited;
  const int128 stored = w.stored();
  require(stored == expected, errc::corrupt_file,
          "its voxels and columns hold " + to_decimal(stored) + " quanta, its budget says " +
              to_decimal(expected));
}

io::checkpoint read_whole(const std::string& file, progress_mode mode) {
  stage_progress progress(mode, 4);
  progress.begin("reading the checkpoint");
  io::checkpoint data = io::read_checkpoint(file);
  try {
    progress.begin("building the world of " + voxels_text(data.voxels.size));
    const world w = engine::make_world(data, {}, {}, "cpu");
    progress.begin("computing its digest");
    engine::require_said_digest(w, data);
    progress.begin("computing its budget");
    require_books_balance(w, data);
  } catch (const error& e) {
    throw error(e.code(), "checkpoint '" + file + "': " + e.what() + "; use an older one");
  }
  return data;
}

int verify(const std::string& file, progress_mode mode) {
  const io::checkpoint data = read_whole(file, mode);
  fmt::print("{}: ok, step {}, digest {}\n", file, data.state.step, to_string(data.digest));
  return exit_code::ok;
}

/// The state's digest, and those of its parts if they are asked for.
std::vector<engine::part_digest> digests_of(const std::string& file,
                                            bool fields,
                                            progress_mode mode) {
  stage_progress progress(mode, fields ? 3 : 2);
  progress.begin("reading the checkpoint");
  const io::checkpoint data = io::read_checkpoint(file);
  progress.begin("computing the digest of " + voxels_text(data.voxels.size));
  std::vector<engine::part_digest> all = {{"state", engine::digest_of(data, "cpu")}};
  if (fields) {
    progress.begin("computing those of its parts");
    const std::vector<engine::part_digest> parts = engine::part_digests(data, "cpu");
    all.insert(all.end(), parts.begin(), parts.end());
  }
  return all;
}

int digest(const std::string& file, bool fields, progress_mode mode) {
  for (const engine::part_digest& part : digests_of(file, fields, mode)) {
    fmt::print("{}  {}\n", to_string(part.digest), part.name);
  }
  return exit_code::ok;
}

}  // namespace

void add_info(program& p) {
  CLI::App* const c = p.app.add_subcommand("info", "Say what a checkpoint holds");
  const auto file = std::make_shared<std::string>();
  const auto as_json = std::make_shared<bool>(false);
  c->add_option("FILE", *file, "Checkpoint")->required();
  c->add_flag("--json", *as_json, "Print one JSON object");
  c->footer("Example: lithify info out/demo/checkpoint-00000100.h5");
  c->callback(
      [&p, file, as_json] { p.action = [file, as_json] { return info(*file, *as_json); }; });
}

void add_verify(program& p) {
  CLI::App* const c = p.app.add_subcommand(
      "verify", "Read all of a checkpoint and recompute its digest and its budget");
  const auto file = std::make_shared<std::string>();
  c->add_option("FILE", *file, "Checkpoint")->required();
  const auto mode = std::make_shared<progress_mode>(progress_mode::automatic);
  add_progress(*c, *mode);
  c->footer("Example: lithify verify out/demo/checkpoint-00000100.h5");
  c->callback([&p, file, mode] { p.action = [file, mode] { return verify(*file, *mode); }; });
}

void add_digest(program& p) {
  CLI::App* const c = p.app.add_subcommand("digest", "Print the state digest of a checkpoint");
  const auto file = std::make_shared<std::string>();
  const auto fields = std::make_shared<bool>(false);
  c->add_option("FILE", *file, "Checkpoint")->required();
  c->add_flag("--fields", *fields, "Also of each column field and of the voxels");
  const auto mode = std::make_shared<progress_mode>(progress_mode::automatic);
  add_progress(*c, *mode);
  c->footer("Example: lithify digest out/demo/checkpoint-00000100.h5 --fields");
  c->callback([&p, file, fields, mode] {
    p.action = [file, fields, mode] { return digest(*file, *fields, *mode); };
  });
}

}  // namespace lithify::cli
