/// Signals of a run: SIGUSR1 asks for a checkpoint; SIGINT and SIGTERM ask for an end after the
/// step; a second one of these ends the process at once, as if nothing had caught it.
#pragma once

namespace lithify::cli {

/// Catches the signals from now on.
void catch_signals();
/// Whether an end was asked for.
[[nodiscard]] bool stop_asked();
/// Whether a checkpoint was asked for since the last call.
[[nodiscard]] bool take_checkpoint_asked();

}  // namespace lithify::cli
