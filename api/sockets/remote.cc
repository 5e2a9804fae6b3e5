#include "api/sockets/remote.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "api/sockets/memory.h"
#include "api/sockets/messages.h"
#include "api/sockets/process.h"
#include "api/sockets/real_calls.h"

namespace millrace::sockets {
Link::~Link() {
  forget_internal(descriptor);
}

AdoptedSocket AdoptedSocket::of(const Socket& socket) {
  return {socket.family(), socket.is_one_to_one() ? 1 : 0, socket.receive_timeout,
          socket.send_timeout};
}

bool AdoptedSocket::read(const RemoteCall& call) {
  if (call.name.size() != sizeof *this) return false;
  std::memcpy(this, call.name.data(), sizeof *this);
  return true;
}

void AdoptedSocket::write(RemoteCall& call) const {
  call.name.assign(reinterpret_cast<const char*>(this), sizeof *this);
}

void AdoptedSocket::limit(Socket& socket) const {
  socket.receive_timeout = receive_timeout;
  socket.send_timeout = send_timeout;
}

namespace remote {
namespace {

constexpr int kMoment_ms = 100;
constexpr int kAdoptPatience_s = 15;  // longer than an owner waits for its engine
constexpr std::int64_t kErrnos = 4096;

/// The process's lock is let go for as long as the owner is asked: it may be asking us. Signals
/// stay blocked: a handler that did not come back would leave half an answer.
class Asking {
 public:
  explicit Asking(Link& link) : link_(link) {
    Process::get().unlock_for_call();
    pthread_mutex_lock(&link_.in_call);
  }
  ~Asking() {
    pthread_mutex_unlock(&link_.in_call);
    Process::get().lock_after_call();
  }
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;

 private:
  Link& link_;
};

// Whoever made a descriptor up is its owner: what he says is believed as far as it does no harm.
ssize_t exchange(Link& link, RemoteCall& call) {
  const bool brings_socket =
      call.head.kind == RemoteCall::Kind::accept || call.head.kind == RemoteCall::Kind::peel_off;
  if (call.send(link.descriptor) && call.receive(link.descriptor)) {
    if (!brings_socket || call.head.status < 0) call.close_descriptor();
    if (call.head.status > -kErrnos) return static_cast<ssize_t>(call.head.status);
  }
  forget_internal(link.descriptor);
  link.descriptor = -1;
  link.held.clear();
  return -ENOTCONN;
}

void set_patience(int channel, int seconds) {
  const timeval limit{seconds, 0};
  real().setsockopt(channel, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

ssize_t adopt_in_call(Link& link, std::uint64_t number, int descriptor, AdoptedSocket& adopted) {
  if (link.descriptor < 0) {
    const int channel = reach(link.owner);
    if (channel < 0) return -ENOTCONN;
    link.descriptor = move_up(channel);
  }
  RemoteCall call;
  call.head.kind = RemoteCall::Kind::adopt;
  call.head.socket = number;
  call.descriptor = descriptor;
  set_patience(link.descriptor, kAdoptPatience_s);  // nothing says yet that it is an owner at all
  const ssize_t status = exchange(link, call);
  if (link.descriptor >= 0) set_patience(link.descriptor, 0);
  if (status != 0) return status;
  if (!adopted.read(call)) return -ENOTCONN;
  link.held.insert(number);
  return 0;
}

/// Of the address in an answer.
std::size_t name_size(const RemoteCall& call) {
  return std::min(call.name.size(), sizeof(sockaddr_storage));
}

/// A socket of the owner's that an answer brought the descriptor of.
ssize_t take(const Socket& from, const RemoteCall& call, int flags,
             std::shared_ptr<Socket>& taken) {
  const int descriptor = call.descriptor;
  if (descriptor < 0) return -ECONNABORTED;
  if (descriptor >= kDescriptorsMax) {
    real().close(descriptor);
    return -EMFILE;
  }
  if ((flags & SOCK_CLOEXEC) == 0) real().fcntl(descriptor, F_SETFD, 0);
  taken = std::make_shared<Socket>(from.family(), Socket::Model::one_to_one);
  taken->become_remote(from.link, call.head.socket);
  if (AdoptedSocket adopted; adopted.read(call)) adopted.limit(*taken);
  from.link->held.insert(call.head.socket);
  Process::get().enter(descriptor, taken);
  return descriptor;
}

}  // namespace

ssize_t ask(const Socket& socket, RemoteCall& call) {
  const std::shared_ptr<Link> link = socket.link;
  const std::uint64_t number = socket.number;
  const int descriptor = socket.descriptors.empty() ? -1 : socket.descriptors.front();
  const Asking asking(*link);
  AdoptedSocket adopted;
  if (!link->held.contains(number) &&
      (descriptor < 0 || adopt_in_call(*link, number, descriptor, adopted) != 0))
    return -ENOTCONN;
  call.head.socket = number;
  return exchange(*link, call);
}

ssize_t adopt(Link& link, std::uint64_t number, int descriptor, AdoptedSocket& adopted) {
  const Asking asking(link);
  return adopt_in_call(link, number, descriptor, adopted);
}

void let_go(const Socket& socket) {
  const std::shared_ptr<Link> link = socket.link;
  const std::uint64_t number = socket.number;
  const Asking asking(*link);
  if (link->held.erase(number) == 0) return;  // the owner sees it by the descriptor
  RemoteCall call;
  call.head.kind = RemoteCall::Kind::close;
  call.head.socket = number;
  exchange(*link, call);
}

ssize_t connect(const Socket& socket, const sockaddr* address, socklen_t length, sctp_assoc_t& id) {
  RemoteCall call;
  call.head.kind = RemoteCall::Kind::connect;
  if (address != nullptr) call.name.assign(reinterpret_cast<const char*>(address), length);
  const ssize_t status = ask(socket, call);
  id = call.head.number[0];
  return status;
}

ssize_t connect_many(const Socket& socket, const void* addresses, std::size_t length,
                     sctp_assoc_t& id) {
  if (!can_read(addresses, length)) return -EFAULT;
  RemoteCall call;
  call.head.kind = RemoteCall::Kind::connect_many;
  call.name.assign(static_cast<const char*>(addresses), std::min<std::size_t>(length, 65536));
  const ssize_t status = ask(socket, call);
  id = call.head.number[0];
  return status;
}

ssize_t connect_result(const Socket& socket, sctp_assoc_t id) {
  RemoteCall call;
  call.head.kind = RemoteCall::Kind::connect_result;
  call.head.number[0] = id;
  // A socket with many associations is writable whatever becomes of one: the owner waits for it.
  call.head.number[1] = socket.is_one_to_one() ? 0 : kMoment_ms;
  return ask(socket, call);
}

ssize_t accept(const Socket& socket, int flags, std::shared_ptr<Socket>& accepted) {
  RemoteCall call;
  call.head.kind = RemoteCall::Kind::accept;
  call.head.number[0] = flags;
  const ssize_t status = ask(socket, call);
  return status < 0 ? status : take(socket, call, flags, accepted);
}

ssize_t peel_off(const Socket& socket, sctp_assoc_t id, int flags,
                 std::shared_ptr<Socket>& peeled) {
  RemoteCall call;
  call.head.kind = RemoteCall::Kind::peel_off;
  call.head.number[0] = flags;
  call.head.number[1] = id;
  const ssize_t status = ask(socket, call);
  return status < 0 ? status : take(socket, call, flags, peeled);
}

ssize_t name_of(const Socket& socket, RemoteCall::Kind kind, sockaddr* address, socklen_t* length) {
  if (address == nullptr || length == nullptr) return -EFAULT;
  RemoteCall call;
  call.head.kind = kind;
  const ssize_t status = ask(socket, call);
  if (status != 0) return status;
  const std::size_t size = name_size(call);
  std::memcpy(address, call.name.data(), std::min<std::size_t>(size, *length));
  *length = static_cast<socklen_t>(size);
  return 0;
}

ssize_t get_option(const Socket& socket, int level, int name, void* value, socklen_t& length) {
  if (value == nullptr) return -EFAULT;
  RemoteCall call;
  call.head.kind = RemoteCall::Kind::get_option;
  call.head.number[0] = level;
  call.head.number[1] = name;
  call.name.assign(static_cast<const char*>(value), std::min<socklen_t>(length, 65536));
  const ssize_t status = ask(socket, call);
  if (status < 0) return status;
  length = std::min(length, static_cast<socklen_t>(call.name.size()));
  std::memcpy(value, call.name.data(), length);
  return 0;
}

ssize_t set_option(Socket& socket, int level, int name, const void* value, socklen_t length) {
  if (value == nullptr) return -EFAULT;
  RemoteCall call;
  call.head.kind = RemoteCall::Kind::set_option;
  call.head.number[0] = level;
  call.head.number[1] = name;
  call.name.assign(static_cast<const char*>(value), std::min<socklen_t>(length, 65536));
  const ssize_t status = ask(socket, call);
  const bool is_limit = level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO);
  // It is this process that waits.
  if (status == 0 && is_limit && length >= sizeof(timeval))
    std::memcpy(name == SO_RCVTIMEO ? &socket.receive_timeout : &socket.send_timeout, value,
                sizeof(timeval));
  return status;
}

ssize_t send(const Socket& socket, const msghdr& message, int flags) {
  RemoteCall call;
  call.head.kind = RemoteCall::Kind::send;
  call.head.number[0] = flags;
  if (const int bad = gather(message, call.data); bad != 0) return bad;
  if (message.msg_name != nullptr)
    call.name.assign(static_cast<const char*>(message.msg_name), message.msg_namelen);
  if (message.msg_control != nullptr)
    call.control.assign(static_cast<const char*>(message.msg_control), message.msg_controllen);
  const auto size = static_cast<ssize_t>(call.data.size());
  return std::min(ask(socket, call), size);
}

ssize_t receive(const Socket& socket, msghdr& message, int flags) {
  std::size_t room = 0;
  for (std::size_t i = 0; i < message.msg_iovlen; ++i) room += message.msg_iov[i].iov_len;
  RemoteCall call;
  call.head.kind = RemoteCall::Kind::receive;
  call.head.number[0] = flags;
  call.head.number[1] = static_cast<int>(std::min<std::size_t>(room, MR_MESSAGE_BYTES_MAX));
  const std::size_t control_room = message.msg_control != nullptr ? message.msg_controllen : 0;
  call.head.number[2] = static_cast<int>(std::min<std::size_t>(control_room, 4096));
  const ssize_t status = ask(socket, call);
  if (status < 0) return status;
  std::size_t at = 0;
  for (std::size_t i = 0; i < message.msg_iovlen && at < call.data.size(); ++i) {
    const std::size_t count = std::min(message.msg_iov[i].iov_len, call.data.size() - at);
    if (!can_write(message.msg_iov[i].iov_base, count)) return -EFAULT;
    std::memcpy(message.msg_iov[i].iov_base, call.data.data() + at, count);
    at += count;
  }
  if (message.msg_name != nullptr) {
    std::memcpy(message.msg_name, call.name.data(),
                std::min<std::size_t>(name_size(call), message.msg_namelen));
  }
  message.msg_namelen = static_cast<socklen_t>(name_size(call));
  message.msg_controllen = std::min(control_room, call.control.size());
  if (message.msg_control != nullptr)
    std::memcpy(message.msg_control, call.control.data(), message.msg_controllen);
  message.msg_flags = call.head.number[0];
  return std::min(status, static_cast<ssize_t>(at));
}

}  // namespace remote
}  // namespace millrace::sockets
