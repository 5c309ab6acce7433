/// `lithify diff`: in what two checkpoints, dumps or files of digests differ.
#include "command.hpp"
#include "lithify/engine/compare.hpp"
#include "lithify/engine/trace_files.hpp"

#include <fmt/format.h>

#include <filesystem>

namespace lithify::cli {

namespace {

/// Of `diff` alone, as of other programs of that kind.
constexpr int they_differ = 1;

using engine::trace_kind;

void print_frames(const engine::digest_comparison& c) {
  fmt::print("frame             {} + {} 2^-52 voxel heights and {} + {}\n", c.at[0].frame_offset,
             c.at[0].frame_remainder, c.at[1].frame_offset, c.at[1].frame_remainder);
}

int diff_digests(const std::string& a, const std::string& b) {
  const engine::digest_comparison c = engine::compare_digests(a, b);
  if (!(c.run[0].scenario == c.run[1].scenario)) {
    say("note: the two scenarios are not the same text");
  }
  if (!c.differ) {
    const char* const longer = c.goes_on[0] ? a.c_str() : c.goes_on[1] ? b.c_str() : nullptr;
    fmt::print("equal             after steps {} to {}\n", c.first_step, c.last_step);
    if (longer != nullptr) {
      fmt::print("longer            {}\n", longer);
    }
    return exit_code::ok;
  }
  fmt::print("they part at      step {}, pass {} (devices {} and {})\n", c.step, c.pass,
             printable(c.run[0].device), printable(c.run[1].device));
  if (c.frames_differ) {
    print_frames(c);
  }
  for (const engine::parted& part : c.parts) {
    fmt::print("{:<17} chunk {},{} is the first of {} that {}\n", part.name, part.chunk.x,
               part.chunk.y, part.chunks, part.chunks == 1 ? "differs" : "differ");
  }
  if (!c.parts.empty() && c.step > c.first_step) {
    const engine::parted& first = c.parts.front();
    fmt::print(
        "next              lithify run SCENARIO --steps {} --dump {}:{}:{},{} FILE, on both "
        "sides; then lithify diff FILE FILE\n",
        c.step, c.step, c.pass, first.chunk.x, first.chunk.y);
  }
  return they_differ;
}

int diff_dumps(const std::string& a, const std::string& b) {
  const engine::dump one = engine::read_dump(a);
  const auto found = engine::compare_dumps(one, engine::read_dump(b));
  if (!found) {
    fmt::print("equal             {} values in chunk {},{} after step {}, pass {}\n",
               grouped(static_cast<std::int64_t>(one.values.size())), one.chunk.x, one.chunk.y,
               one.step, one.pass);
    return exit_code::ok;
  }
  fmt::print("cell {},{}: {} is {} and {}\n", found->x, found->y, printable(found->name),
             printable(found->value[0]), printable(found->value[1]));
  fmt::print("{} {} in chunk {},{} after step {}, pass {}\n", grouped(found->cells),
             found->cells == 1 ? "cell differs" : "cells differ", one.chunk.x, one.chunk.y,
             one.step, one.pass);
  return they_differ;
}

int diff_checkpoints(const std::string& a, const std::string& b) {
  const io::checkpoint one = io::read_checkpoint(a);
  const std::vector<std::string> lines = engine::differences(one, io::read_checkpoint(b));
  for (const std::string& line : lines) {
    fmt::print("{}\n", line);
  }
  if (lines.empty()) {
    fmt::print("equal             step {}, digest {}\n", one.state.step, to_string(one.digest));
  }
  return lines.empty() ? exit_code::ok : they_differ;
}

int diff(const std::string& a, const std::string& b, bool first) {
  for (const std::string& file : {a, b}) {
    std::error_code failed;
    require(std::filesystem::exists(file, failed), errc::not_found,
            "'" + file + "' does not exist");
    require(std::filesystem::is_regular_file(file, failed), errc::invalid_argument,
            "'" + file + "' is not a plain file");
  }
  const trace_kind kinds[2] = {engine::kind_of(a), engine::kind_of(b)};
  if (first) {
    return diff_digests(a, b);
  }
  for (const trace_kind kind : kinds) {
    require(kind != trace_kind::digests, errc::invalid_argument,
            "files of digests are compared with 'lithify diff --first'");
  }
  require(kinds[0] == kinds[1], errc::invalid_argument,
          "'" + a + "' and '" + b + "' are not of one kind: give two checkpoints or two dumps");
  return kinds[0] == trace_kind::dump ? diff_dumps(a, b) : diff_checkpoints(a, b);
}

}  // namespace

void add_diff(program& p) {
  CLI::App* const c =
      p.app.add_subcommand("diff", "Say in what two checkpoints, dumps or files of digests differ");
  const auto a = std::make_shared<std::string>();
  const auto b = std::make_shared<std::string>();
  const auto first = std::make_shared<bool>(false);
  c->add_option("A", *a, "Checkpoint, dump (run --dump) or file of digests (run --digests)")
      ->required();
  c->add_option("B", *b, "Another one of the same kind")->required();
  c->add_flag("--first", *first,
              "Of two files of digests: the first step, pass, field and chunk that differ");
  c->footer(
      "Exit codes: 0 they are equal, 1 they differ; others as ever.\n\n"
      "Example: lithify diff cpu/checkpoint-00000100.h5 cuda/checkpoint-00000100.h5\n"
      "         lithify run demo.toml --device cpu --out cpu --digests cpu.digests\n"
      "         lithify run demo.toml --device cuda --out cuda --digests cuda.digests\n"
      "         lithify diff --first cpu.digests cuda.digests");
  c->callback([&p, a, b, first] { p.action = [a, b, first] { return diff(*a, *b, *first); }; });
}

}  // namespace lithify::cli
