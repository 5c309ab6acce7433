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

void stream_ref::synchronize() const { check(cudaStreamSynchronize(native_), "synchronize"); }

stream::stream() {
  check(cudaStreamCreateWithFlags(&native_, cudaStreamNonBlocking), "create a stream");
}
stream stream::delaying(std::uint64_t) { return stream(); }
stream::~stream() {
  if (native_ != nullptr) {
    cudaStreamDestroy(native_);
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
  ~state() { cudaEventDestroy(native); }
  state(const state&) = delete;
  state& operator=(const state&) = delete;
};

event event::record(stream_ref s) {
  auto made = std::make_shared<state>();
  check(cudaEventRecord(made->native, s.native()), "record an event");
  return event(std::move(made));
}
bool event::complete() const {
  const cudaError_t status = cudaEventQuery(state_->native);
  if (status == cudaErrorNotReady) {
    (void)cudaGetLastError();
    return false;
  }
  check(status, "query an event");
  return true;
}
void event::wait() const { check(cudaEventSynchronize(state_->native), "wait for an event"); }

#else

/// Runs queued work in order on a thread of its own, after seeded pauses.
class work_queue {
 public:
  explicit work_queue(std::uint64_t seed) : seed_(seed), worker_([this] { run(); }) {}
  ~work_queue() {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    changed_.notify_all();
    worker_.join();
  }
  work_queue(const work_queue&) = delete;
  work_queue& operator=(const work_queue&) = delete;

  void push(std::function<void()> work) {
    {
      const std::lock_guard lock(mutex_);
      // Work that a running item submits (a buffer given back inside a verb) runs in its place.
      work_.push_back(std::move(work));
      ++submitted_;
    }
    changed_.notify_all();
  }
  [[nodiscard]] std::uint64_t submitted() {
    const std::lock_guard lock(mutex_);
    return submitted_;
  }
  [[nodiscard]] bool reached(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    return done_ >= number;
  }
  void wait(std::uint64_t number) {
    std::unique_lock lock(mutex_);
    hurry_ = true;  // somebody waits: pauses would only make the tests slow
    changed_.notify_all();
    changed_.wait(lock, [&] { return done_ >= number; });
    hurry_ = false;
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return closing_ || !work_.empty(); });
      if (work_.empty()) {
        return;
      }
      if (!hurry_ && !closing_) {
        const std::chrono::microseconds pause(mix64(seed_ + done_) % 200);
        changed_.wait_for(lock, pause, [&] { return hurry_ || closing_; });
      }
      auto next = std::move(work_.front());
      work_.pop_front();
      lock.unlock();
      next();
      next = nullptr;
      lock.lock();
      ++done_;
      changed_.notify_all();
    }
  }

  std::uint64_t seed_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> work_;
  std::uint64_t submitted_ = 0;
  std::uint64_t done_ = 0;
  bool hurry_ = false;
  bool closing_ = false;
  std::thread worker_;
};

void enqueue(stream_ref s, std::function<void()> work) { s.queue()->push(std::move(work)); }

void stream_ref::synchronize() const {
  if (queue_ != nullptr) {
    queue_->wait(queue_->submitted());
  }
}

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
  work_queue* queue;
  std::uint64_t number;
};

event event::record(stream_ref s) {
  return event(
      std::make_shared<state>(state{s.queue(), s.queue() == nullptr ? 0 : s.queue()->submitted()}));
}
bool event::complete() const {
  return state_->queue == nullptr || state_->queue->reached(state_->number);
}
void event::wait() const {
  if (state_->queue != nullptr) {
    state_->queue->wait(state_->number);
  }
}

#endif

}  // namespace lithify::device::inline LITHIFY_BACKEND
