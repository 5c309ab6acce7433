#include "signals.hpp"

#include <csignal>

namespace lithify::cli {

namespace {

volatile std::sig_atomic_t stop = 0;
volatile std::sig_atomic_t checkpoint = 0;

extern "C" void on_stop(int number) {
  if (stop != 0) {
    std::signal(number, SIG_DFL);
    std::raise(number);
  }
  stop = 1;
}

extern "C" void on_checkpoint(int) { checkpoint = 1; }

void install(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags =
      SA_RESTART;  // a checkpoint in the middle of a write is finished, not broken off
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, nullptr);
}

}  // namespace

void catch_signals() {
  install(SIGINT, on_stop);
  install(SIGTERM, on_stop);
  install(SIGUSR1, on_checkpoint);
  std::signal(SIGPIPE, SIG_IGN);  // whoever stops listening to a run must not end it
}

bool stop_asked() { return stop != 0; }

bool take_checkpoint_asked() {
  const bool asked = checkpoint != 0;
  checkpoint = 0;
  return asked;
}

}  // namespace lithify::cli
