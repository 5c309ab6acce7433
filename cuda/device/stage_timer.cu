#include "lithify/device/stage_timer.cuh"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#if LITHIFY_ON_CUDA
#include "lithify/device/cuda_check.cuh"

#include <nvtx3/nvToolsExt.h>
#else
#include <chrono>
#endif

namespace lithify::device::inline LITHIFY_BACKEND {

#if LITHIFY_ON_CUDA

/// When one run of a stage began and ended on its stream.
struct stage_run {
  explicit stage_run(std::size_t number) : stage(number) {
    check(cudaEventCreate(&begun), "create an event");
    const cudaError_t status = cudaEventCreate(&ended);
    if (status != cudaSuccess) {
      forget(cudaEventDestroy(begun));
      check(status, "create an event");
    }
  }
  ~stage_run() {
    forget(cudaEventDestroy(begun));
    forget(cudaEventDestroy(ended));
  }
  stage_run(const stage_run&) = delete;
  stage_run& operator=(const stage_run&) = delete;

  static void begin(const std::shared_ptr<stage_run>& r, stream_ref s) {
    check(cudaEventRecord(r->begun, s.native()), "record an event");
  }
  static void end(const std::shared_ptr<stage_run>& r, stream_ref s) {
    // In a destructor: a run whose end could not be recorded counts no time.
    forget(cudaEventRecord(r->ended, s.native()));
  }
  [[nodiscard]] bool over() const { return forget(cudaEventQuery(ended)) != cudaErrorNotReady; }
  void wait() const { check(cudaEventSynchronize(ended), "wait for a stage"); }
  [[nodiscard]] double seconds() const { return between(begun, ended); }
  [[nodiscard]] double since(const stage_run& origin) const { return between(origin.begun, begun); }

  static double between(cudaEvent_t from, cudaEvent_t to) {
    float milliseconds = 0.0F;
    return forget(cudaEventElapsedTime(&milliseconds, from, to)) == cudaSuccess
               ? 1e-3 * static_cast<double>(milliseconds)
               : 0.0;
  }

  std::size_t stage;
  bool on_line = false;  ///< began on a time line that is recorded
  cudaEvent_t begun = nullptr;
  cudaEvent_t ended = nullptr;
};

#else

/// When one run of a stage began and ended on its stream.
struct stage_run {
  using clock = std::chrono::steady_clock;

  explicit stage_run(std::size_t number) : stage(number) {}

  static void begin(const std::shared_ptr<stage_run>& r, stream_ref s) {
    submit(s, [r] { r->begun = clock::now(); });
  }
  static void end(const std::shared_ptr<stage_run>& r, stream_ref s) {
    submit(s, [r] { r->ended = clock::now(); });
    r->done = event::record(s);
  }
  [[nodiscard]] bool over() const { return done->complete(); }
  void wait() const { done->wait(); }
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(ended - begun).count();
  }
  [[nodiscard]] double since(const stage_run& origin) const {
    return std::chrono::duration<double>(begun - origin.begun).count();
  }

  std::size_t stage;
  bool on_line = false;  ///< began on a time line that is recorded
  clock::time_point begun;
  clock::time_point ended;
  std::optional<event> done;
};

#endif

struct stage_log {
  /// A run on the time line.
  struct placed {
    std::size_t stage;
    double begin;
    double seconds;
  };

  std::mutex mutex;
  std::vector<stage_clock::total> totals;
  std::vector<std::shared_ptr<stage_run>> open;  // submitted as a whole, perhaps still running
  std::shared_ptr<stage_run> origin;  // begun when the time line did; null: there is none
  std::vector<placed> line;

  /// Requires: the lock is held, as for `collect`.
  std::size_t number_of(const std::string& name) {
    const auto found =
        std::find_if(totals.begin(), totals.end(), [&](const auto& t) { return t.name == name; });
    if (found != totals.end()) {
      return static_cast<std::size_t>(found - totals.begin());
    }
    totals.push_back({name, 0.0, 0});
    return totals.size() - 1;
  }
  /// Waits for the runs that have been submitted, and adds them up.
  void collect_all() {
    for (const std::shared_ptr<stage_run>& r : open) {
      r->wait();
    }
    collect();
  }
  /// Adds up the runs that are over.
  void collect() {
    if (origin != nullptr && line.capacity() < line.size() + open.size()) {
      line.reserve(2 * (line.size() + open.size()));  // nothing below may throw
    }
    std::erase_if(open, [&](const std::shared_ptr<stage_run>& r) {
      if (!r->over()) {
        return false;
      }
      totals[r->stage].seconds += r->seconds();
      ++totals[r->stage].runs;
      if (r->on_line) {
        line.push_back({r->stage, r->since(*origin), r->seconds()});
      }
      return true;
    });
  }
};

stage_clock::stage_clock() : log_(std::make_shared<stage_log>()) {}

std::vector<stage_clock::total> stage_clock::totals() const {
  const std::lock_guard lock(log_->mutex);
  log_->collect_all();
  return log_->totals;
}

void stage_clock::record(stream_ref s) {
  auto origin = std::make_shared<stage_run>(0);
  stage_run::begin(origin, s);
  s.synchronize();
  const std::lock_guard lock(log_->mutex);
  log_->collect_all();  // what belongs to an older line
  log_->origin = std::move(origin);
  log_->line.clear();
}

std::vector<stage_clock::run> stage_clock::runs() const {
  const std::lock_guard lock(log_->mutex);
  log_->collect_all();
  std::vector<run> runs;
  runs.reserve(log_->line.size());
  for (const stage_log::placed& p : log_->line) {
    runs.push_back({log_->totals[p.stage].name, p.begin, p.seconds});
  }
  return runs;
}

stage_scope::stage_scope(exec ex, const std::string& name) : stream_(ex.stream) {
  if (ex.clock == nullptr) {
    return;
  }
  log_ = ex.clock->log_;
  {
    const std::lock_guard lock(log_->mutex);
    run_ = std::make_shared<stage_run>(log_->number_of(name));
    run_->on_line = log_->origin != nullptr;
    log_->collect();
  }
  stage_run::begin(run_, stream_);
#if LITHIFY_ON_CUDA
  nvtxRangePushA(name.c_str());
#endif
}

stage_scope::~stage_scope() {
  if (log_ == nullptr) {
    return;
  }
#if LITHIFY_ON_CUDA
  nvtxRangePop();
#endif
  try {
    stage_run::end(run_, stream_);
    const std::lock_guard lock(log_->mutex);
    log_->open.push_back(std::move(run_));
  } catch (...) {
    // In a destructor: without memory to note it by, a run counts no time.
  }
}

}  // namespace lithify::device::inline LITHIFY_BACKEND
