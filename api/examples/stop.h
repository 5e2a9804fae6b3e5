// SIGINT and SIGTERM end an example in an orderly way.
#pragma once

#include <csignal>

inline volatile std::sig_atomic_t is_stopped = 0;

inline void stop_on_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) { is_stopped = 1; };  // no SA_RESTART: a signal ends mr_wait()
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}
