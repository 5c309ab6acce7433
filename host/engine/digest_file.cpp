/// Files of digests: writing them, and the first difference between two.
#include "lithify/base/error.hpp"
#include "trace_text.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <system_error>

namespace lithify::engine {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail_writing(const std::string& name, int why) {
  const bool full = why == ENOSPC || why == EDQUOT || why == EFBIG;
  throw error(full ? errc::out_of_space : errc::io_failure,
              "cannot write '" + name + "': " + std::generic_category().message(why) +
                  (full ? "; make room or write elsewhere" : ""));
}

/// Goes through the passes of a file.
class digest_reader {
 public:
  explicit digest_reader(const fs::path& file)
      : lines_(file, trace_kind::digests),
        chunks_(static_cast<std::size_t>(chunks_of(lines_.run().size).x) *
                static_cast<std::size_t>(chunks_of(lines_.run().size).y)) {}

  [[nodiscard]] const traced_run& run() const { return lines_.run(); }
  [[nodiscard]] const std::string& name() const { return lines_.name(); }
  [[nodiscard]] std::int64_t step() const { return step_; }
  [[nodiscard]] pass_digests& at() { return at_; }

  /// Reads the next pass. Gives false after the last step. Errors: corrupt_file.
  bool next() {
    if (!pending_ && !lines_.next()) {
      if (inside_) {
        lines_.refuse("the file ends inside step " + std::to_string(step_) + ": it was cut off");
      }
      return false;
    }
    pending_ = false;
    if (!inside_) {
      begin_step();
    }
    begin_pass();
    while (lines_.next()) {
      if (lines_.starts_with("pass")) {
        pending_ = true;
        return true;
      }
      if (lines_.starts_with("done")) {
        end_step();
        return true;
      }
      at_.parts.push_back(read_part());
    }
    lines_.refuse("the file ends inside step " + std::to_string(step_) + ": it was cut off");
  }

 private:
  void begin_step() {
    const bool first = step_ < 0;
    if (!lines_.starts_with("step") || lines_.words().size() != 2 || lines_.whole(1) < 0 ||
        lines_.whole(1) == std::numeric_limits<std::int64_t>::max() ||
        (!first && lines_.whole(1) != step_ + 1)) {
      lines_.refuse("here must stand 'step' and the number of the next one");
    }
    step_ = lines_.whole(1);
    inside_ = true;
    if (!lines_.next()) {
      lines_.refuse("the file ends inside step " + std::to_string(step_) + ": it was cut off");
    }
  }

  void begin_pass() {
    if (!lines_.starts_with("pass") || lines_.words().size() != 2) {
      lines_.refuse("here must stand 'pass' and its name");
    }
    at_ = {lines_.words()[1], 0, 0, {}};
    lines_.expect("frame", 2);
    at_.frame_offset = lines_.whole(1);
    at_.frame_remainder = lines_.whole(2);
  }

  void end_step() {
    if (lines_.words().size() != 2 || lines_.whole(1) != step_) {
      lines_.refuse("here must stand 'done " + std::to_string(step_) + "'");
    }
    inside_ = false;
  }

  traced_part read_part() {
    const std::vector<std::string>& words = lines_.words();
    if (words.size() != chunks_ + 1) {
      lines_.refuse("here must stand a part of the state and " + std::to_string(chunks_) +
                    " digests");
    }
    std::vector<digest128>& last = last_[words[0]];
    const bool known = !last.empty();
    last.resize(chunks_);
    for (std::size_t c = 0; c < chunks_; ++c) {
      if (words[c + 1] != "=") {
        last[c] = lines_.digest(c + 1);
      } else if (!known) {
        lines_.refuse("'=' where nothing stands before");
      }
    }
    return {words[0], last};
  }

  line_reader lines_;
  std::size_t chunks_;
  std::int64_t step_ = -1;
  bool inside_ = false;   ///< a step has begun and is not done
  bool pending_ = false;  ///< the line that `lines_` holds is still to be read
  pass_digests at_;
  std::map<std::string, std::vector<digest128>> last_;
};

/// Brings two files to the first pass that both have. Each begins with the end of a step.
void align(digest_reader& a, digest_reader& b) {
  bool more_a = a.next();
  bool more_b = b.next();
  while (more_a && more_b && a.step() != b.step()) {
    (a.step() < b.step() ? more_a : more_b) = (a.step() < b.step() ? a : b).next();
  }
  while (more_a && more_b && a.at().pass != b.at().pass && a.step() == b.step()) {
    const bool behind = b.at().pass == end_pass;
    (behind ? more_a : more_b) = (behind ? a : b).next();
  }
  require(more_a && more_b && a.step() == b.step(), errc::invalid_argument,
          "'" + a.name() + "' and '" + b.name() + "' have no step in common");
}

void require_same_list(const digest_reader& a,
                       const digest_reader& b,
                       const std::string& what,
                       const std::string& of_a,
                       const std::string& of_b) {
  require(of_a == of_b && a.step() == b.step(), errc::invalid_argument,
          "the runs are of different " + what + ": at step " + std::to_string(a.step()) + " '" +
              a.name() + "' has '" + of_a + "', '" + b.name() + "' has '" + of_b + "'");
}

/// The parts that differ; both lists are of the same names.
std::vector<parted> differing(digest_reader& a, digest_reader& b) {
  const std::vector<traced_part>& parts_a = a.at().parts;
  const std::vector<traced_part>& parts_b = b.at().parts;
  const std::int32_t across = chunks_of(a.run().size).x;
  std::vector<parted> found;
  for (std::size_t p = 0; p < std::max(parts_a.size(), parts_b.size()); ++p) {
    require_same_list(a, b, "fields", p < parts_a.size() ? parts_a[p].name : "no more",
                      p < parts_b.size() ? parts_b[p].name : "no more");
    parted part{parts_a[p].name, {}, 0};
    for (std::size_t c = 0; c < parts_a[p].chunk.size(); ++c) {
      if (!(parts_a[p].chunk[c] == parts_b[p].chunk[c]) && part.chunks++ == 0) {
        const auto n = static_cast<std::int32_t>(c);
        part.chunk = {n % across, n / across};
      }
    }
    if (part.chunks > 0) {
      found.push_back(part);
    }
  }
  return found;
}

}  // namespace

digest_writer::digest_writer(const fs::path& file, const traced_run& run)
    : name_(file.string()), file_(std::fopen(name_.c_str(), "wb")) {
  if (file_ == nullptr) {
    fail_writing(name_, errno);
  }
  write(header_text(trace_kind::digests, run));
}

void digest_writer::add(std::int64_t step, std::span<const pass_digests> passes) {
  std::string text = "step " + std::to_string(step) + "\n";
  for (const pass_digests& pass : passes) {
    text += "pass " + pass.pass + "\nframe " + std::to_string(pass.frame_offset) + " " +
            std::to_string(pass.frame_remainder) + "\n";
    for (const traced_part& part : pass.parts) {
      std::vector<digest128>& last = last_[part.name];
      text += part.name;
      for (std::size_t c = 0; c < part.chunk.size(); ++c) {
        const bool same = c < last.size() && last[c] == part.chunk[c];
        text += same ? " =" : " " + to_string(part.chunk[c]);
      }
      text += "\n";
      last = part.chunk;
    }
  }
  write(text + "done " + std::to_string(step) + "\n");
}

void digest_writer::write(const std::string& text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size() ||
      std::fflush(file_.get()) != 0) {
    fail_writing(name_, errno);
  }
}

digest_comparison compare_digests(const fs::path& file_a, const fs::path& file_b) {
  digest_reader a(file_a);
  digest_reader b(file_b);
  require_same_region(a.run(), b.run(), a.name(), b.name());
  digest_comparison result;
  result.run[0] = a.run();
  result.run[1] = b.run();
  align(a, b);
  result.first_step = a.step();
  for (;;) {
    require_same_list(a, b, "passes", a.at().pass, b.at().pass);
    result.last_step = a.step();
    result.frames_differ = a.at().frame_offset != b.at().frame_offset ||
                           a.at().frame_remainder != b.at().frame_remainder;
    result.parts = differing(a, b);
    if (result.frames_differ || !result.parts.empty()) {
      result.differ = true;
      result.step = a.step();
      result.pass = a.at().pass;
      result.at[0] = a.at();
      result.at[1] = b.at();
      return result;
    }
    const bool more[2] = {a.next(), b.next()};
    if (!more[0] || !more[1]) {
      result.goes_on[0] = more[0];
      result.goes_on[1] = more[1];
      return result;
    }
  }
}

}  // namespace lithify::engine
