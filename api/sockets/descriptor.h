// The kernel's descriptor that stands for a socket of ours, so that poll, select and epoll, dup and
// inheritance are the kernel's own work.
//
// It is one end of a pair of stream sockets of which the library keeps the other. The application's
// end is readable while a byte lies in it, not writable while its send buffer is full, and hung up
// when the library's end is shut down. Nobody but the library reads or writes it.
#pragma once

#include <sys/types.h>

#include "api/sockets/rendezvous.h"

namespace millrace::sockets {

class Descriptor {
 public:
  Descriptor() = default;
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  /// Makes the pair; `flags`: SOCK_NONBLOCK, SOCK_CLOEXEC. Returns the application's end, or
  /// -errno.
  int open(int flags, const SocketName& name);
  /// What poll says of the application's end. `application_end` is any descriptor of it; with none
  /// here (-1) it is not made quiet again.
  void show(int application_end, bool readable, bool writable);
  /// Makes what is readable anew, for those who are told of edges only.
  void poke(int application_end);
  /// The peer sends no more: readable for good, POLLRDHUP.
  void show_end_of_input();
  /// All is over: POLLHUP.
  void show_hang_up();
  void close();
  /// Whether the application's end is open anywhere: in this process, in another one, or on its way
  /// to one.
  bool is_open_somewhere() const;
  /// Whether a descriptor is the application's end.
  bool is_end(int descriptor) const;

  /// The library's end, -1 if there is none.
  int ours() const { return ours_; }

 private:
  int ours_ = -1;
  bool is_readable_ = false;
  bool is_writable_ = true;
  bool has_ended_ = false;  // readable for good
  bool has_hung_up_ = false;
  ino_t inode_ = 0;  // of the application's end
};

/// Moves a descriptor of the library's own out of the way of those of the application, which may
/// count on small numbers (select does).
int move_up(int descriptor);
void mark_internal(int descriptor);
bool is_internal(int descriptor);
void forget_internal(int descriptor);

}  // namespace millrace::sockets
