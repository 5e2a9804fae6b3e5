// Calls in which a thread may sleep. It has more than one when a handler calls too.
#pragma once

#include <memory>

namespace millrace::sockets {

class Socket;

/// As in the kernel a socket does not end under a call, even if another thread closes its last
/// descriptor. A handler may leave the call by siglongjmp(): it ends when its thread makes another
/// one that is no deeper, or ends. With the lock held at its begin and its end.
class InCall {
 public:
  /// A sleep may have the frame of its call. Else what lives is further up than what begins.
  enum class Kind { call, sleep };

  explicit InCall(Socket& socket, Kind kind = Kind::call) : frame_(__builtin_frame_address(0)) {
    begin(socket, kind);
  }
  ~InCall();
  InCall(const InCall&) = delete;
  InCall& operator=(const InCall&) = delete;

  /// What this call, the thread's innermost, sleeps on: an eventfd, or -1 if none is to be had. No
  /// two calls of a thread have the same: who is rung for is the one that wakes.
  int bed() const;

  /// Ends those calls of this thread that will not come back.
  static void end_dead();

 private:
  void begin(Socket& socket, Kind kind);

  const void* frame_;
};

}  // namespace millrace::sockets
