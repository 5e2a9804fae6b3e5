// The library's own threads. Outside of the process's lock they do nothing but wait: a fork, which
// takes the lock, finds none of them in an allocator whose locks its child would never get.
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include <cstddef>
#include <vector>

namespace millrace::sockets {

/// All of it with the process's lock held.
class OwnThreads {
 public:
  /// Returns when the thread runs `main`: none is on its way there at a fork. `stack_bytes` 0: as
  /// the C library has it. 0, or an errno if there is no room for a thread.
  int begin(const char* name, void* (*main)(void*), void* argument, std::size_t stack_bytes = 0);
  /// The thread that calls it ends, and does not take the lock again.
  void end_this();
  /// Waits until those have ended that were to.
  void join_ended();

 private:
  std::vector<pthread_t> ended_;  // and not joined
  pid_t process_ = 0;             // whose they are: a child of _Fork() has none of them
};

}  // namespace millrace::sockets
