// The checkpoint writer, from a checkpoint in memory to a file on the disk, beside what the disk
// takes (the same arrays written plainly, with fsync) and what HDF5 does by itself (the same arrays
// through H5Dwrite with gzip-6). Contents: random bits, which nothing compresses, and the demo's
// terrain. Files go into the working folder, and away again.
#include "bench_size.hpp"
#include "core_time.hpp"
#include "lithify/base/error.hpp"
#include "lithify/base/hash128.hpp"
#include "lithify/engine/import.hpp"
#include "lithify/engine/scenario.hpp"
#include "lithify/io/checkpoint.hpp"
#include "lithify/world.hpp"

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <hdf5.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lithify::bench {
namespace {

/// The same file for all, so that they find the same folder; gone when its owner is.
class scratch_file {
 public:
  scratch_file() : path_("checkpoint_bench-" + std::to_string(getpid()) + ".h5") {}
  scratch_file(const scratch_file&) = delete;
  scratch_file& operator=(const scratch_file&) = delete;
  ~scratch_file() {
    std::error_code none;
    std::filesystem::remove(path_, none);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// One array of a checkpoint: `width` bytes a value.
struct stored_array {
  std::span<const std::byte> bytes;
  std::size_t width;
};

template <class T>
stored_array array_of(const std::vector<T>& v, std::size_t width = sizeof(T)) {
  return {std::as_bytes(std::span(v)), width};
}

/// The arrays that make a checkpoint large. A sparse brick counts as 32 values of 16 bits.
std::vector<stored_array> arrays_of(const io::checkpoint& data) {
  const voxel_image& v = data.voxels;
  std::vector<stored_array> all = {array_of(v.uniform_level),
                                   array_of(v.uniform_key),
                                   array_of(v.uniform_material),
                                   array_of(v.dense_key),
                                   array_of(v.dense_voxels),
                                   array_of(v.sparse_key),
                                   array_of(v.sparse_record, sizeof(std::uint16_t)),
                                   array_of(v.overlay_key),
                                   array_of(v.overlay_material)};
  for (const field& f : data.columns) {
    all.push_back({f.bytes, size_of(f.type)});
  }
  std::erase_if(all, [](const stored_array& a) { return a.bytes.empty(); });
  return all;
}

std::int64_t bytes_of(const io::checkpoint& data) {
  std::int64_t sum = 0;
  for (const stored_array& a : arrays_of(data)) {
    sum += static_cast<std::int64_t>(a.bytes.size());
  }
  return sum;
}

/// 64 MB of random bits as columns of a small world.
io::checkpoint incompressible() {
  const std::int64_t edge = size_of_run(1024, 64);
  io::checkpoint data;
  data.voxels.size = {static_cast<std::int32_t>(edge), static_cast<std::int32_t>(edge), 64};
  std::vector<std::int64_t> values(static_cast<std::size_t>(edge * edge));
  std::uint64_t drawn = 0;
  for (int f = 0; f < 8; ++f) {
    std::generate(values.begin(), values.end(),
                  [&] { return static_cast<std::int64_t>(mix64(++drawn)); });
    data.columns.push_back(
        field::make<std::int64_t>("random_" + std::to_string(f), "1", {edge, edge}, values));
  }
  return data;
}

/// The demo after its first step. Errors: as the reader of its DEM.
io::checkpoint terrain() {
  const std::vector<std::string> crop = {"world.crop=[0,0,64,64]"};
  const engine::scenario s =
      engine::read_scenario(LITHIFY_SOURCE_DIR "/scripts/scenarios/demo.toml",
                            small_sizes() ? crop : std::vector<std::string>{});
  world w = engine::make_world(engine::read_columns(s.world, s.materials), s.materials, s.overlay,
                               s.passes, "cpu", s.world.sides, s.seed);
  w.step(s.step_yr);
  return engine::take_checkpoint(w);
}

/// Writes to the disk whatever of `path` is not there yet.
void sync(const std::string& path) {
  const int file = open(path.c_str(), O_RDWR);
  const bool done = file >= 0 && fsync(file) == 0;
  if (file >= 0) {
    close(file);
  }
  require(done, errc::io_failure, "cannot sync '" + path + "'");
}

void write_ours(const std::string& path, const io::checkpoint& data) {
  io::write_checkpoint(path, data);
}

void write_raw(const std::string& path, const io::checkpoint& data) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  require(file >= 0, errc::io_failure, "cannot write '" + path + "'");
  bool well = true;
  for (const stored_array& a : arrays_of(data)) {
    for (std::size_t done = 0; well && done < a.bytes.size();) {
      const ssize_t n = write(file, a.bytes.data() + done, a.bytes.size() - done);
      well = n > 0;
      done += well ? static_cast<std::size_t>(n) : 0;
    }
  }
  well = fsync(file) == 0 && well;
  close(file);
  require(well, errc::io_failure, "cannot write '" + path + "'");
}

hid_t checked(hid_t id) {
  require(id >= 0, errc::io_failure, "HDF5 failed");
  return id;
}

hid_t type_of(std::size_t width) {
  return width == 1   ? H5T_NATIVE_UINT8
         : width == 2 ? H5T_NATIVE_UINT16
         : width == 4 ? H5T_NATIVE_INT32
                      : H5T_NATIVE_INT64;
}

void write_gzip_6(const std::string& path, const io::checkpoint& data) {
  const hid_t file = checked(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
  int number = 0;
  for (const stored_array& a : arrays_of(data)) {
    const hsize_t n = a.bytes.size() / a.width;
    const hsize_t chunk = std::min<hsize_t>(n, (std::size_t{1} << 20) / a.width);
    const hid_t space = checked(H5Screate_simple(1, &n, nullptr));
    const hid_t how = checked(H5Pcreate(H5P_DATASET_CREATE));
    checked(H5Pset_chunk(how, 1, &chunk));
    checked(H5Pset_deflate(how, 6));
    const hid_t set = checked(H5Dcreate2(file, ("a" + std::to_string(number++)).c_str(),
                                         type_of(a.width), space, H5P_DEFAULT, how, H5P_DEFAULT));
    checked(H5Dwrite(set, type_of(a.width), H5S_ALL, H5S_ALL, H5P_DEFAULT, a.bytes.data()));
    H5Dclose(set);
    H5Pclose(how);
    H5Sclose(space);
  }
  checked(H5Fclose(file));
  sync(path);
}

using writer = void (*)(const std::string& path, const io::checkpoint& data);

/// The contents that one benchmark after the other writes; made when the first of them runs.
const io::checkpoint& content(io::checkpoint (*make)()) {
  static std::optional<io::checkpoint> kept;
  static io::checkpoint (*held)() = nullptr;
  if (held != make) {
    held = nullptr;
    kept.reset();
    kept = make();
    held = make;
  }
  return *kept;
}

void measure(benchmark::State& state, io::checkpoint (*make)(), writer write) {
  using clock = std::chrono::steady_clock;
  try {
    const io::checkpoint& data = content(make);
    const scratch_file file;
    double core_time = 0.0;
    for (auto _ : state) {
      const double cores_before = core_seconds();
      const clock::time_point begin = clock::now();
      write(file.path(), data);
      state.SetIterationTime(std::chrono::duration<double>(clock::now() - begin).count());
      core_time += core_seconds() - cores_before;
    }
    state.SetBytesProcessed(state.iterations() * bytes_of(data));
    state.counters["core_ms"] = 1e3 * core_time / static_cast<double>(state.iterations());
    state.counters["of_content"] = static_cast<double>(std::filesystem::file_size(file.path())) /
                                   static_cast<double>(bytes_of(data));
  } catch (const error& e) {
    state.SkipWithError((std::string("skipped: ") + e.what()).c_str());  // no GDAL, no room
  }
}

const bool registered = [] {
  struct kind {
    const char* name;
    io::checkpoint (*make)();
  };
  struct way {
    const char* name;
    writer write;
  };
  for (const kind k : {kind{"incompressible", incompressible}, kind{"terrain", terrain}}) {
    for (const way w :
         {way{"ours", write_ours}, way{"raw", write_raw}, way{"gzip_6", write_gzip_6}}) {
      benchmark::RegisterBenchmark(
          (std::string("cpu/checkpoint/") + k.name + "/" + w.name).c_str(),
          [=](benchmark::State& state) { measure(state, k.make, w.write); })
          ->UseManualTime()
          ->Unit(benchmark::kMillisecond);
    }
  }
  return true;
}();

}  // namespace
}  // namespace lithify::bench
