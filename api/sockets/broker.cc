// The owner's side of remote.h: what others ask for is done here, by a thread for each of them.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "api/sockets/messages.h"
#include "api/sockets/process.h"
#include "api/sockets/real_calls.h"
#include "api/sockets/remote.h"

namespace millrace::sockets {
namespace {

constexpr std::size_t kStackBytes = 256 * 1024;

Endpoint endpoint_in(const RemoteCall& call, const Socket& socket, int& status) {
  Endpoint endpoint;
  status = read_endpoint(reinterpret_cast<const sockaddr*>(call.name.data()), call.name.size(),
                         socket.family(), endpoint);
  return endpoint;
}

void answer_name(const Socket& socket, const Endpoint& endpoint, RemoteCall& call) {
  sockaddr_storage address;
  const std::size_t size = write_endpoint(endpoint, socket.family(), socket.maps_v4, address);
  call.name.assign(reinterpret_cast<const char*>(&address), size);
}

ssize_t send_for(Socket& socket, RemoteCall& call) {
  msghdr message{};
  message.msg_name = call.name.empty() ? nullptr : call.name.data();
  message.msg_namelen = static_cast<socklen_t>(call.name.size());
  message.msg_control = call.control.empty() ? nullptr : call.control.data();
  message.msg_controllen = call.control.size();
  Outgoing outgoing;
  outgoing.data = std::move(call.data);
  const int bad = outgoing.read(socket, message, call.head.number[0]);
  return bad != 0 ? bad : outgoing.try_send(socket);
}

ssize_t receive_for(Socket& socket, RemoteCall& call) {
  if (call.head.number[1] < 0 || call.head.number[2] < 0) return -EINVAL;
  call.data.resize(
      std::min<std::size_t>(static_cast<std::size_t>(call.head.number[1]), MR_MESSAGE_BYTES_MAX));
  call.control.resize(std::min<std::size_t>(static_cast<std::size_t>(call.head.number[2]), 4096));
  call.name.resize(sizeof(sockaddr_storage));
  iovec part{call.data.data(), call.data.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_name = call.name.data();
  message.msg_namelen = static_cast<socklen_t>(call.name.size());
  message.msg_control = call.control.empty() ? nullptr : call.control.data();
  message.msg_controllen = call.control.size();
  const ssize_t status = try_receive(socket, message, call.head.number[0]);
  call.head.number[0] = message.msg_flags;
  const bool has_any = status >= 0;
  call.data.resize(has_any ? static_cast<std::size_t>(status) : 0);
  call.control.resize(has_any ? message.msg_controllen : 0);
  call.name.resize(has_any ? message.msg_namelen : 0);
  return status;
}

}  // namespace

/// A new socket becomes the other side's. Its descriptor goes along with the answer.
ssize_t Process::hand_out(Channel& channel, int descriptor, const std::shared_ptr<Socket>& socket,
                          RemoteCall& call) {
  if (descriptor < 0) return descriptor;
  hold(channel, socket);
  call.descriptor = descriptor;
  call.head.socket = socket->number;
  AdoptedSocket::of(*socket).write(call);
  return 0;
}

namespace {

/// Names and options.
ssize_t tell(Socket& socket, RemoteCall& call) {
  const auto& number = call.head.number;
  Endpoint peer;
  switch (call.head.kind) {
    case RemoteCall::Kind::bytes_readable:
      return static_cast<ssize_t>(socket.bytes_readable());
    case RemoteCall::Kind::local_name:
      answer_name(socket, socket.name(), call);
      return 0;
    case RemoteCall::Kind::peer_name:
      if (!socket.peer_name(peer)) return -ENOTCONN;
      answer_name(socket, peer, call);
      return 0;
    case RemoteCall::Kind::get_option: {
      auto length = static_cast<socklen_t>(call.name.size());
      const int status = socket.get_option(number[0], number[1], call.name.data(), length);
      call.name.resize(std::min<std::size_t>(length, call.name.size()));
      return status;
    }
    case RemoteCall::Kind::set_option:
      return socket.set_option(number[0], number[1], call.name.data(),
                               static_cast<socklen_t>(call.name.size()));
    default:
      return -EINVAL;
  }
}

ssize_t connect_for(Socket& socket, RemoteCall& call) {
  int status = 0;
  std::vector<Endpoint> peers;
  if (call.head.kind == RemoteCall::Kind::connect_many) {
    status = read_endpoints(call.name.data(), call.name.size(), socket.family(), peers);
  } else {
    peers.push_back(endpoint_in(call, socket, status));
  }
  sctp_assoc_t id = 0;
  if (status == 0) status = socket.connect(peers, &id);
  call.head.number[0] = id;
  return status;
}

ssize_t connect_result_for(Process::Guard& guard, Channel& channel, Socket& socket,
                           const RemoteCall& call) {
  const sctp_assoc_t id = call.head.number[0];
  const int status = socket.connect_result(id);
  if (status != -EINPROGRESS || call.head.number[1] <= 0) return status;
  channel.is_waiting = true;
  sleep_in_call(guard, socket, monotonic_us() + std::int64_t{call.head.number[1]} * 1000);
  channel.is_waiting = false;
  return socket.connect_result(id);
}

}  // namespace

ssize_t Process::serve_call(Guard& guard, Channel& channel, RemoteCall& call) {
  if (call.head.kind == RemoteCall::Kind::adopt) return adopt_for(channel, call);
  const auto found = shared_.find(call.head.socket);
  if (found == shared_.end()) return -EBADF;
  const std::shared_ptr<Socket> keeper = found->second;
  Socket& socket = *keeper;
  std::shared_ptr<Socket> fresh;
  int status = 0;
  Endpoint peer;
  const auto& number = call.head.number;
  switch (call.head.kind) {
    case RemoteCall::Kind::bind:
      peer = endpoint_in(call, socket, status);
      return status != 0 ? status : socket.bind(peer);
    case RemoteCall::Kind::listen:
      return socket.listen(number[0]);
    case RemoteCall::Kind::accept:
      status = socket.accept(number[0] | SOCK_CLOEXEC, fresh);
      return hand_out(channel, status, fresh, call);
    case RemoteCall::Kind::peel_off:
      status = socket.peel_off(number[1], number[0] | SOCK_CLOEXEC, fresh);
      return hand_out(channel, status, fresh, call);
    case RemoteCall::Kind::connect:
    case RemoteCall::Kind::connect_many:
      return connect_for(socket, call);
    case RemoteCall::Kind::connect_result:
      return connect_result_for(guard, channel, socket, call);
    case RemoteCall::Kind::watch_edges:
      socket.is_edge_triggered = true;
      return 0;
    case RemoteCall::Kind::shutdown:
      return socket.shut_down(number[0]);
    case RemoteCall::Kind::close:
      let_go(channel, socket.number);
      return 0;
    case RemoteCall::Kind::send:
      return send_for(socket, call);
    case RemoteCall::Kind::receive:
      return receive_for(socket, call);
    default:
      return tell(socket, call);
  }
}

/// Goes on with the call that comes, or with its answer, as far as that can be done at once. False:
/// the other side is gone.
bool Process::serve_one(Guard& guard, Channel& channel) {
  RemoteCall& call = channel.call;
  if (!channel.is_answering()) {
    const Channel::Progress progress = channel.read();
    if (progress != Channel::Progress::whole) return progress == Channel::Progress::none;
    drain();
    const int brought = std::exchange(call.descriptor, -1);
    if (call.head.kind == RemoteCall::Kind::adopt) call.descriptor = brought;
    call.head.status = serve_call(guard, channel, call);
    if (brought >= 0) {
      real().close(brought);
      call.descriptor = -1;
    }
    channel.begin_answer();
  }
  const Channel::Progress progress = channel.write();
  if (progress == Channel::Progress::whole) leave_given(channel);
  return progress != Channel::Progress::gone;
}

/// The descriptor that went with an answer, or was to go, is the other side's.
void Process::leave_given(Channel& channel) {
  const int given = std::exchange(channel.call.descriptor, -1);
  if (given < 0) return;
  leave(given);
  real().close(given);
}

void* Process::service_thread(void* argument) {
  Process& process = get();
  Guard guard(process);
  const std::unique_ptr<std::shared_ptr<Channel>> keeper(
      static_cast<std::shared_ptr<Channel>*>(argument));
  Channel& channel = **keeper;
  while (channel.descriptor >= 0) {  // else another process serves it now
    const auto events = static_cast<short>(channel.is_answering() ? POLLOUT : POLLIN);
    pollfd entry{channel.descriptor, events, 0};
    guard.unlock();
    const int ready = ::poll(&entry, 1, -1);
    guard.lock();
    if (ready < 0 || channel.descriptor < 0 || process.serve_one(guard, channel)) continue;
    process.drop(*keeper);
  }
  process.own_threads_.end_this();
  return nullptr;
}

/// Starts to serve another process.
void Process::serve(const std::shared_ptr<Channel>& channel) {
  channels_.push_back(channel);
  auto* keeper = new std::shared_ptr<Channel>(channel);
  if (own_threads_.begin("millrace-child", &Process::service_thread, keeper, kStackBytes) != 0) {
    delete keeper;
    drop(channel);
  }
}

/// The other side is gone, and with it what it held.
void Process::drop(const std::shared_ptr<Channel>& channel) {
  leave_given(*channel);
  while (!channel->held.empty()) let_go(*channel, *channel->held.begin());
  forget_internal(channel->descriptor);
  channel->descriptor = -1;
  std::erase(channels_, channel);
  ring_keeper();
}

void Process::hold(Channel& channel, const std::shared_ptr<Socket>& socket) {
  if (!channel.held.insert(socket->number).second) return;
  socket->keep_descriptor();
  shared_[socket->number] = socket;
  ++socket->holders;
}

void Process::let_go(Channel& channel, std::uint64_t number) {
  if (channel.held.erase(number) == 0) return;
  const std::shared_ptr<Socket> socket = shared_[number];
  if (--socket->holders > 0) return;
  shared_.erase(number);
  settle(socket);
}

}  // namespace millrace::sockets
