#include "lithify/device/stream.cuh"

#include <utility>

#if LITHIFY_ON_CUDA
#include "lithify/device/cuda_check.cuh"
#else
#include "lithify/base/hash128.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#endif

namespace lithify::device::inline LITHIFY_BACKEND {

#if LITHIFY_ON_CUDA

void use_device(int ordinal) { check(cudaSetDevice(ordinal), "select a device"); }

void stream_ref::synchronize() const { check(cudaStreamSynchronize(native_), "synchronize"); }

stream::stream() {
  check(cudaStreamCreateWithFlags(&native_, cudaStreamNonBlocking), "create a stream");
}
stream stream::delaying(std::uint64_t) { return stream(); }
stream::~stream() {
  if (native_ != nullptr) {
    forget(cudaStreamDestroy(native_));
  }
}
stream::stream(stream&& other) noexcept : native_(std::exchange(other.native_, nullptr)) {}
stream& stream::operator=(stream&& other) noexcept {
  std::swap(native_, other.native_);
  return *this;
}
stream_ref stream::ref() const { return stream_ref(native_); }

struct event::state {
  cudaEvent_t native = nullptr;
  state() { check(cudaEventCreateWithFlags(&native, cudaEventDisableTiming), "create an event"); }
  ~state() { forget(cudaEventDestroy(native)); }
  state(const state&) = delete;
  state& operator=(const state&) = delete;
};

event event::record(stream_ref s) {
  auto made = std::make_shared<state>();
  check(cudaEventRecord(made->native, s.native()), "record an event");
  return event(std::move(made));
}
bool event::complete() const {
  const cudaError_t status = forget(cudaEventQuery(state_->native));
  if (status == cudaErrorNotReady) {
    return false;
  }
  check(status, "query an event");
  return true;
}
void event::wait() const { check(cudaEventSynchronize(state_->native), "wait for an event"); }
void event::hold_back(stream_ref s) const {
  check(cudaStreamWaitEvent(s.native(), state_->native), "order two streams");
}

#else

/// How far a delaying stream has come; events share it, so that they may outlive their stream.
struct stream_progress {
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t submitted = 0;
  std::uint64_t done = 0;
  int waiting = 0;  ///< somebody waits: pauses would only make the tests slow

  [[nodiscard]] bool reached(std::uint64_t number) {
    const std::lock_guard lock(mutex);
    return done >= number;
  }
  void wait(std::uint64_t number) {
    std::unique_lock lock(mutex);
    ++waiting;
    changed.notify_all();
    changed.wait(lock, [&] { return done >= number; });
    --waiting;
  }
};

/// Runs queued work in order on a thread of its own, after seeded pauses.
class work_queue {
 public:
  explicit work_queue(std::uint64_t seed)
      : seed_(seed), progress_(std::make_shared<stream_progress>()), worker_([this] { run(); }) {}
  ~work_queue() {
    {
      const std::lock_guard lock(progress_->mutex);
      closing_ = true;
    }
    progress_->changed.notify_all();
    worker_.join();
  }
  work_queue(const work_queue&) = delete;
  work_queue& operator=(const work_queue&) = delete;

  void push(std::function<void()> work) {
    {
      const std::lock_guard lock(progress_->mutex);
      work_.push_back(std::move(work));
      ++progress_->submitted;
    }
    progress_->changed.notify_all();
  }
  [[nodiscard]] std::uint64_t submitted() {
    const std::lock_guard lock(progress_->mutex);
    return progress_->submitted;
  }
  [[nodiscard]] const std::shared_ptr<stream_progress>& progress() const { return progress_; }

 private:
  void run() {
    stream_progress& at = *progress_;
    std::unique_lock lock(at.mutex);
    while (true) {
      at.changed.wait(lock, [&] { return closing_ || !work_.empty(); });
      if (work_.empty()) {
        return;
      }
      if (at.waiting == 0 && !closing_) {
        const std::chrono::microseconds pause(mix64(seed_ + at.done) % 200);
        at.changed.wait_for(lock, pause, [&] { return at.waiting != 0 || closing_; });
      }
      auto next = std::move(work_.front());
      work_.pop_front();
      lock.unlock();
      next();
      next = nullptr;
      lock.lock();
      ++at.done;
      at.changed.notify_all();
    }
  }

  std::uint64_t seed_;
  std::shared_ptr<stream_progress> progress_;
  std::deque<std::function<void()>> work_;
  bool closing_ = false;
  std::thread worker_;
};

void enqueue(stream_ref s, std::function<void()> work) { s.queue()->push(std::move(work)); }

void stream_ref::synchronize() const {
  if (queue_ != nullptr) {
    queue_->progress()->wait(queue_->submitted());
  }
}

void use_device(int) {}

stream::stream() = default;
stream stream::delaying(std::uint64_t seed) {
  stream made;
  made.queue_ = std::make_unique<work_queue>(seed);
  return made;
}
stream::~stream() = default;
stream::stream(stream&& other) noexcept = default;
stream& stream::operator=(stream&& other) noexcept = default;
stream_ref stream::ref() const { return stream_ref(queue_.get()); }

struct event::state {
  std::shared_ptr<stream_progress> progress;
  std::uint64_t number;
};

// Without a state: the stream runs work at once, so that there is nothing to wait for, and a
// record costs nothing.
event event::record(stream_ref s) {
  if (s.queue() == nullptr) {
    return event(nullptr);
  }
  return event(std::make_shared<state>(state{s.queue()->progress(), s.queue()->submitted()}));
}
bool event::complete() const {
  return state_ == nullptr || state_->progress->reached(state_->number);
}
void event::wait() const {
  if (state_ != nullptr) {
    state_->progress->wait(state_->number);
  }
}
void event::hold_back(stream_ref s) const {
  submit(s, [*this] { wait(); });
}

#endif

}  // namespace lithify::device::inline LITHIFY_BACKEND
