/// `lithify run` and `lithify check`.
#include "command.hpp"
#include "lithify/device/threads.hpp"
#include "lithify/engine/devices.hpp"
#include "lithify/engine/run.hpp"
#include "lithify/engine/trace_files.hpp"
#include "progress.hpp"
#include "signals.hpp"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

namespace lithify::cli {

namespace {

constexpr std::int64_t many = std::int64_t{1} << 40;  // as in scenarios

struct run_arguments {
  std::string scenario;
  std::vector<std::string> set;
  engine::run_options run;
  std::string out;
  int threads = 0;
  std::string wall_limit;
  std::string digests;
  std::vector<std::string> dump;  ///< STEP:PASS:CHUNK and a file, or nothing
  std::string profile;
  reporter_options report;
  bool json = false;
};

/// "H:MM:SS", minutes and seconds below 60.
std::chrono::seconds parse_duration(const std::string& text) {
  std::int64_t part[3] = {};
  const char* at = text.data();
  const char* const end = at + text.size();
  bool good = true;
  for (int i = 0; good && i < 3; ++i) {
    const auto [stop, failed] = std::from_chars(at, end, part[i]);
    const std::ptrdiff_t digits = stop - at;
    good = failed == std::errc() && part[i] >= 0 && digits <= 6 &&
           (i == 0 || (digits == 2 && part[i] < 60)) && (i == 2 ? stop == end : stop != end) &&
           (i == 2 || *stop == ':');
    at = stop + 1;
  }
  require(good, errc::invalid_argument,
          "--wall-limit: '" + text + "' must be H:MM:SS, minutes and seconds below 60");
  return std::chrono::seconds((part[0] * 60 + part[1]) * 60 + part[2]);
}

/// "STEP:PASS:X,Y".
engine::dump_request parse_dump(const std::string& text, const std::string& file) {
  const std::size_t first = text.find(':');
  const std::size_t second = first == std::string::npos ? first : text.find(':', first + 1);
  require(second != std::string::npos, errc::invalid_argument,
          "--dump: '" + text + "' must be STEP:PASS:X,Y, as in 7:diffusion:0,0");
  engine::dump_request asked;
  asked.step = parse_numbers(text.substr(0, first), "--dump", "STEP")[0];
  asked.pass = text.substr(first + 1, second - first - 1);
  const std::vector<std::int64_t> chunk = parse_numbers(text.substr(second + 1), "--dump", "X,Y");
  for (const std::int64_t c : chunk) {
    require(c >= 0 && c < max_extent, errc::outside_region,
            "--dump: chunk '" + text.substr(second + 1) + "' is outside every region");
  }
  asked.chunk = {static_cast<std::int32_t>(chunk[0]), static_cast<std::int32_t>(chunk[1])};
  asked.file = file;
  return asked;
}

/// Whether a file is to lie in `out`, which the run makes: nothing of others can be in its way.
bool in_new_folder(const std::string& file, const std::filesystem::path& out) {
  namespace fs = std::filesystem;
  std::error_code failed;
  return !out.empty() && !fs::exists(out, failed) &&
         engine::place_of(file).parent_path() == engine::place_of(out);
}

/// Refuses a file that the run gives another use: what one of the two writes, the other would
/// replace, or write into.
void require_files_of_their_own(const run_arguments& a, const std::filesystem::path& out) {
  const std::pair<std::string_view, std::string> files[] = {
      {"--digests", a.digests},
      {"--dump", a.dump.empty() ? std::string() : a.dump[1]},
      {"--profile", a.profile},
      {"--log-file", a.report.log_file}};
  for (const auto& [option, file] : files) {
    if (file.empty()) {
      continue;
    }
    require(out.empty() || !engine::is_run_file(file, out), errc::invalid_argument,
            fmt::format("{} '{}': the run itself keeps this name for files in its output folder; "
                        "choose another",
                        option, file));
    for (const auto& [other, second] : files) {
      require(
          other == option || second.empty() || engine::place_of(second) != engine::place_of(file),
          errc::invalid_argument, fmt::format("{} and {} need two files", option, other));
    }
  }
}

/// What a run reads and everything else that is there is safe from a slip of the hand.
void require_trace_file(const std::string& file,
                        engine::trace_kind kind,
                        const std::string& option,
                        const std::filesystem::path& out) {
  namespace fs = std::filesystem;
  if (in_new_folder(file, out)) {
    return;
  }
  require_writable(file, {});
  require_own_kind(file, "file of 'lithify run " + option + "'",
                   [kind](const fs::path& there) { return engine::kind_of(there) == kind; });
}

/// The files that the run is to write beside its folder's.
void take_file_options(run_arguments& a, const std::filesystem::path& out) {
  require_files_of_their_own(a, out);
  if (!a.digests.empty()) {
    require_trace_file(a.digests, engine::trace_kind::digests, "--digests", out);
    a.run.digests = a.digests;
  }
  if (!a.dump.empty()) {
    a.run.dump = parse_dump(a.dump[0], a.dump[1]);
    require_trace_file(a.dump[1], engine::trace_kind::dump, "--dump", out);
  }
  if (!a.profile.empty()) {
    require_trace_file(a.profile, engine::trace_kind::profile, "--profile", out);
    a.run.profile = a.profile;
  }
}

std::string quanta(int128 value) { return to_decimal(value); }

void print_summary(const engine::run_summary& s) {
  fmt::print("steps             {}{}\n", s.steps, s.stopped ? " (stopped early, as asked)" : "");
  fmt::print("simulated         {} yr\n", grouped(static_cast<std::int64_t>(s.time_yr)));
  fmt::print("device            {}\n", s.device);
  fmt::print("region            {} x {} x {} voxels\n", s.size.x, s.size.y, s.size.z);
  fmt::print("deltas            {} emitted, {} consolidated in {} consolidations\n",
             grouped(s.deltas_emitted), grouped(s.deltas_consolidated), s.consolidations);
  fmt::print("peak memory       {} host, {} device\n", bytes_text(s.peak_host_bytes),
             bytes_text(s.peak_device_bytes));
  fmt::print("  between steps   {} index, {} overlay, {} columns at most, of the device\n",
             bytes_text(s.device_memory.index), bytes_text(s.device_memory.overlay),
             bytes_text(s.device_memory.columns));
  fmt::print("seconds\n");
  for (const auto& [stage, taken] : s.seconds) {
    fmt::print("  {:<30} {:>12.3f}\n", stage, taken);
  }
  fmt::print("budget (quanta of solid, 2^20 in a full voxel without pores)\n");
  fmt::print("  stored at start {:>28}\n", quanta(s.budget.stored_at_start));
  fmt::print("  in              {:>28}\n", quanta(s.budget.in));
  fmt::print("  out             {:>28}\n", quanta(s.budget.out));
  fmt::print("  exported        {:>28}\n", quanta(s.budget.exported));
  fmt::print("  edited          {:>28}\n", quanta(s.budget.edited));
  fmt::print("  stored          {:>28}\n", quanta(s.stored));
  fmt::print("  residual        {:>28}\n", quanta(s.residual));
  if (!s.passes.empty()) {
    fmt::print("passes (steps {} to {}, by this process)\n", s.first_step + 1, s.steps);
  }
  for (const pass_budget& line : s.passes) {
    fmt::print("  {:<15} {}\n", line.pass, engine::to_words(line));
  }
  fmt::print("digest            {}\n", to_string(s.digest));
  for (const auto& file : s.files) {
    fmt::print("file              {}\n", file.string());
  }
}

int run_scenario(const program& p, run_arguments& a) {
  catch_signals();  // first: what comes while the run gets ready is meant for it
  a.run.out = a.out;
  a.run.provenance = provenance(p);
  a.run.measure_every_step = a.report.verbose;
  if (!a.wall_limit.empty()) {
    a.report.wall_limit = parse_duration(a.wall_limit);
  }
  a.run.device = engine::resolve_device(a.run.device);
  const engine::scenario s = engine::read_scenario(a.scenario, a.set);
  const std::filesystem::path out = a.out.empty() ? s.out : std::filesystem::path(a.out);
  take_file_options(a, out);
  a.report.out = out;
  a.report.log_later = !a.report.log_file.empty() && in_new_folder(a.report.log_file, out);
  reporter observer(a.report);
  engine::run_summary summary;
  device::with_threads(a.threads, [&] { summary = engine::run(s, a.run, observer); });
  observer.clear_bar();
  if (a.json) {
    fmt::print("{}\n", engine::to_json(summary));
  } else if (!a.report.quiet) {
    print_summary(summary);
  }
  return summary.warnings.empty() && !observer.warned() ? exit_code::ok : exit_code::recovered;
}

int check_scenario(const std::string& file, const std::vector<std::string>& set) {
  const engine::scenario s = engine::read_scenario(file, set);
  const engine::run_plan plan = engine::plan(s);
  fmt::print("scenario          {}\n", file);
  fmt::print("world             {}\n",
             (s.world.checkpoint.empty() ? s.world.dem : s.world.checkpoint).string());
  fmt::print("region            {} x {} x {} voxels of {} m x {} m x {} m\n", plan.size.x,
             plan.size.y, plan.size.z, plan.geometry.cell_size_m, plan.geometry.cell_size_m,
             plan.geometry.voxel_height_m);
  fmt::print("columns           {} with ground, of {}\n", grouped(plan.columns),
             grouped(plan.size.columns()));
  fmt::print("passes           ");
  for (const pass_budget& pass : plan.passes) {
    fmt::print(" {}", pass.pass);
  }
  fmt::print("\nsteps             {} of {} yr, {} yr in all\n", plan.steps, s.step_yr,
             grouped(static_cast<std::int64_t>(plan.time_yr)));
  for (const pass_budget& pass : plan.passes) {
    if (pass.stable_dt_yr > 0.0) {
      fmt::print("substeps          {} a step for {}, which is stable up to {:.6g} yr\n",
                 grouped(pass.substeps), pass.pass, pass.stable_dt_yr);
    }
  }
  fmt::print("consolidation     {} above {} deltas in the overlay\n", to_string(s.overlay.strategy),
             grouped(s.overlay.threshold));
  for (const auto& [pass, policy] : s.pass_overlays) {
    fmt::print("                  {} after {} deltas of {}\n", to_string(policy.strategy),
               grouped(policy.threshold), pass);
  }
  fmt::print(
      "device memory     about {} at the peak, an estimate: index, columns, pending deltas\n",
      bytes_text(plan.device_bytes));
  fmt::print("checkpoint        about {} before compression\n", bytes_text(plan.checkpoint_bytes));
  fmt::print("output            {}\n", s.out.empty() ? "none yet: give --out DIR" : s.out.string());
  if (!plan.exit) {
    return exit_code::ok;
  }
  say(fmt::format(
      "lithify: warning: by step {} uplift takes column ({}, {}), which is held at its "
      "elevation, through the {} of the region, and the run ends there: raise {} by {:.0f} m",
      plan.exit->step, plan.exit->x, plan.exit->y, plan.exit->below ? "floor" : "top",
      plan.exit->below ? engine::room_below(s) : engine::room_above(s), plan.exit->missing_m));
  return exit_code::recovered;
}

}  // namespace

void add_run(program& p) {
  CLI::App* const c = p.app.add_subcommand("run", "Run a scenario, or go on with one");
  const auto a = std::make_shared<run_arguments>();
  c->add_option("SCENARIO", a->scenario, "Scenario (TOML)")->required();
  c->add_option("--device", a->run.device, "auto, cpu, cuda or cuda:N")->capture_default_str();
  c->add_option("--out", a->out, "Output folder; wins over the scenario");
  add_whole(*c, "--steps", "Steps in all, resumed ones included", 0, many,
            [a](std::int64_t n) { a->run.steps = n; });
  c->add_option("--resume", a->run.resume,
                "Checkpoint, folder (its newest valid one), or auto (of the output folder)");
  add_whole(*c, "--checkpoint-every", "Steps between checkpoints; 0: at the start and the end only",
            0, many, [a](std::int64_t n) { a->run.checkpoint_every = n; });
  add_whole(*c, "--keep", "Newest checkpoints to keep", 1, many,
            [a](std::int64_t n) { a->run.keep = n; });
  add_whole(*c, "--threads", "Threads of the CPU backend; 0: one a core", 0, device::max_threads,
            [a](std::int64_t n) { a->threads = static_cast<int>(n); });
  add_progress(*c, a->report.progress);
  c->add_flag("--json", a->json, "Print the summary as one JSON object");
  c->add_option("--set", a->set, "KEY=VALUE that wins over the scenario; may be repeated")
      ->expected(1)
      ->take_all();
  c->add_option("--wall-limit", a->wall_limit,
                "H:MM:SS after which the run stops with a checkpoint");
  c->add_option("--digests", a->digests,
                "File for digests after every pass of every step (lithify diff --first)")
      ->type_name("FILE");
  c->add_option("--dump", a->dump,
                "Values of a chunk of 128 x 128 columns after a pass, into a file (lithify diff): "
                "7:diffusion:0,0 FILE; passes also are start, boundary and end (voxels)")
      ->expected(2)
      ->type_name("STEP:PASS:X,Y FILE");
  c->add_option("--profile", a->profile,
                "File for when every stage ran, for ui.perfetto.dev or chrome://tracing")
      ->type_name("FILE");
  c->add_option("--log-file", a->report.log_file, "File to which notes and progress are appended");
  CLI::Option* const quiet = c->add_flag("-q", a->report.quiet, "No progress, no summary");
  c->add_flag("-v", a->report.verbose, "Notes, and a measured budget at every step")
      ->excludes(quiet);
  c->footer(
      "Example: lithify run demo.toml --out out/demo --set passes.uplift.rate_m_per_yr=1e-3\n"
      "         lithify run demo.toml --out out/demo --steps 200 --resume auto");
  c->callback([&p, a] { p.action = [&p, a] { return run_scenario(p, *a); }; });
}

void add_check(program& p) {
  CLI::App* const c =
      p.app.add_subcommand("check", "Say what a scenario would do, without running it");
  const auto file = std::make_shared<std::string>();
  const auto set = std::make_shared<std::vector<std::string>>();
  c->add_option("SCENARIO", *file, "Scenario (TOML)")->required();
  c->add_option("--set", *set, "KEY=VALUE that wins over the scenario; may be repeated")
      ->expected(1)
      ->take_all();
  c->footer("Example: lithify check scripts/scenarios/demo.toml");
  c->callback([&p, file, set] { p.action = [file, set] { return check_scenario(*file, *set); }; });
}

}  // namespace lithify::cli
