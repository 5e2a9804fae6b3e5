#include "api/sockets/real_calls.h"

#include <dlfcn.h>

#include <cstdlib>

namespace millrace::sockets {
namespace {

template <class Function>
void find(Function& to, const char* name) {
  to = reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
  if (to == nullptr) to = reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
}

RealCalls find_all() {
  RealCalls calls{};
  find(calls.socket, "socket");
  find(calls.socketpair, "socketpair");
  find(calls.bind, "bind");
  find(calls.listen, "listen");
  find(calls.accept, "accept");
  find(calls.accept4, "accept4");
  find(calls.connect, "connect");
  find(calls.shutdown, "shutdown");
  find(calls.close, "close");
  find(calls.dup, "dup");
  find(calls.dup2, "dup2");
  find(calls.dup3, "dup3");
  find(calls.epoll_ctl, "epoll_ctl");
  find(calls.fcntl, "fcntl");
  find(calls.ioctl, "ioctl");
  find(calls.getsockname, "getsockname");
  find(calls.getpeername, "getpeername");
  find(calls.getsockopt, "getsockopt");
  find(calls.setsockopt, "setsockopt");
  find(calls.send, "send");
  find(calls.sendto, "sendto");
  find(calls.sendmsg, "sendmsg");
  find(calls.sendmmsg, "sendmmsg");
  find(calls.recv, "recv");
  find(calls.recvfrom, "recvfrom");
  find(calls.recvmsg, "recvmsg");
  find(calls.recvmmsg, "recvmmsg");
  find(calls.read, "read");
  find(calls.readv, "readv");
  find(calls.write, "write");
  find(calls.writev, "writev");
  find(calls.sendfile, "sendfile");
  find(calls.pwritev2, "pwritev2");
  find(calls.preadv2, "preadv2");
  find(calls.splice, "splice");
  find(calls.vdprintf, "vdprintf");
  find(calls.vdprintf_chk, "__vdprintf_chk");
  find(calls.close_range, "close_range");
  find(calls.fdopen, "fdopen");
  find(calls.exit_now, "_exit");
  find(calls.execve, "execve");
  find(calls.execvpe, "execvpe");
  find(calls.fexecve, "fexecve");
  find(calls.execveat, "execveat");
  find(calls.posix_spawn, "posix_spawn");
  find(calls.posix_spawnp, "posix_spawnp");
  find(calls.vfork, "vfork");
  return calls;
}

}  // namespace

std::atomic<const RealCalls*> real_calls{nullptr};

const RealCalls& find_real_calls() {
  static const RealCalls calls = find_all();
  real_calls.store(&calls, std::memory_order_release);
  return calls;
}

}  // namespace millrace::sockets
