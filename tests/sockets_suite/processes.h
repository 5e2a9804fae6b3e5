// Cases that have children.
#pragma once

#include <sys/wait.h>

#include "tests/sockets_suite/suite.h"

namespace suite {

constexpr unsigned kShort = 10;  // seconds of a case that waits if it fails

template <class Function>
pid_t child(Function function) {
  const pid_t process = OK(fork());
  if (process == 0) {
    function();
    _exit(0);
  }
  return process;
}

inline int status_of(pid_t process) {
  int status = 0;
  OK(waitpid(process, &status, 0));
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

}  // namespace suite
