/// Streams and events: ordered queues of device work.
///
/// On CUDA a stream is a cudaStream_t. On the CPU work runs at once, in the calling thread; a
/// *delaying* stream is the test instrument that runs work later, on a thread of its own, after
/// seeded pauses, so that a missing synchronisation or a lifetime that ends too early shows on a
/// CPU.
#pragma once

#include "lithify/device/backend.cuh"

#include <cstdint>
#include <functional>
#include <memory>

namespace lithify::device::inline LITHIFY_BACKEND {

class work_queue;

/// Borrowed stream; valid while its `stream` lives.
class stream_ref {
 public:
#if LITHIFY_ON_CUDA
  explicit stream_ref(cudaStream_t native) : native_(native) {}
  [[nodiscard]] cudaStream_t native() const { return native_; }
#else
  explicit stream_ref(work_queue* queue) : queue_(queue) {}
  [[nodiscard]] work_queue* queue() const { return queue_; }
#endif
  stream_ref(int) = delete;  // a literal 0 would silently mean the default stream

  /// Waits until all work submitted so far is done.
  void synchronize() const;

 private:
#if LITHIFY_ON_CUDA
  cudaStream_t native_;
#else
  work_queue* queue_;
#endif
};

#if !LITHIFY_ON_CUDA
/// Whether work submitted to `s` runs at once.
[[nodiscard]] inline bool immediate(stream_ref s) { return s.queue() == nullptr; }
/// Queues `work` on a delaying stream. Requires: !immediate(s).
void enqueue(stream_ref s, std::function<void()> work);

/// Runs `work` now or queues it, as the stream says. Everything on the CPU backend goes through
/// here.
template <class F>
void submit(stream_ref s, F&& work) {
  if (immediate(s)) {
    work();
  } else {
    enqueue(s, std::function<void()>(std::forward<F>(work)));
  }
}
#endif

/// Makes the calling thread work with CUDA device `ordinal`: every thread that makes streams or
/// submits work calls it once. Nothing on the CPU. Errors: device_failure.
void use_device(int ordinal);

/// Owns a stream. Its end takes no submitted work back.
class stream {
 public:
  stream();
  /// CPU test instrument: a stream that runs work later, after pauses drawn from `seed`.
  /// On CUDA streams are asynchronous anyway: the same as `stream()`.
  [[nodiscard]] static stream delaying(std::uint64_t seed);
  ~stream();
  stream(stream&& other) noexcept;
  stream& operator=(stream&& other) noexcept;

  [[nodiscard]] stream_ref ref() const;

 private:
#if LITHIFY_ON_CUDA
  cudaStream_t native_ = nullptr;
#else
  std::unique_ptr<work_queue> queue_;
#endif
};

/// A point in a stream's work that can be waited for; copies share the point. It may outlive the
/// stream: a stream ends once its work is done.
class event {
 public:
  /// Records the work submitted to `s` so far.
  [[nodiscard]] static event record(stream_ref s);
  /// Whether that work is done; never waits.
  [[nodiscard]] bool complete() const;
  void wait() const;
  /// Makes what is submitted to `s` from now on wait for the point. The host waits only where `s`
  /// runs work at once.
  void hold_back(stream_ref s) const;

 private:
  struct state;
  explicit event(std::shared_ptr<state> s) : state_(std::move(s)) {}
  std::shared_ptr<state> state_;
};

}  // namespace lithify::device::inline LITHIFY_BACKEND
