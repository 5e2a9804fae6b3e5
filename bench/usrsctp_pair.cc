#include "bench/usrsctp_pair.h"

#include <sys/socket.h>
#include <usrsctp.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "bench/usrsctp_wire.h"

namespace millrace::bench {
namespace {

constexpr std::uint16_t kMtu = 1500;
constexpr Duration kTimerTick = milliseconds(10);
constexpr std::size_t kSetUpsAtOnce = 32;
constexpr std::size_t kServersOfHold = 40;

// usrsctp's addresses here: the names of the two ends of the wire.
char left_name;
char right_name;

UsrsctpWire& wire() {
  static UsrsctpWire wire;
  return wire;
}

int on_output(void* name, void* buffer, std::size_t size, std::uint8_t, std::uint8_t) {
  wire().push(name, buffer, size);
  return 0;
}

int on_receive(struct socket* socket, union sctp_sockstore, void* data, std::size_t size,
               struct sctp_rcvinfo, int flags, void* pair) {
  if (data == nullptr) return 1;
  auto& self = *static_cast<UsrsctpPair*>(pair);
  if ((flags & MSG_NOTIFICATION) != 0) {
    self.on_notification(socket, data, size);
  } else {
    if ((flags & MSG_EOR) == 0) fail("usrsctp: a message came in pieces");
    self.on_message(socket, data, size);
  }
  std::free(data);
  return 1;
}

void start_usrsctp() {
  static bool is_started = false;
  if (is_started) return;
  is_started = true;
  usrsctp_init_nothreads(0, on_output, nullptr);
  usrsctp_sysctl_set_sctp_ecn_enable(0);
  usrsctp_sysctl_set_sctp_no_csum_on_loopback(0);
  usrsctp_register_address(&left_name);
  usrsctp_register_address(&right_name);
}

struct sockaddr_conn address_of(void* name, std::uint16_t port) {
  struct sockaddr_conn address {};
  address.sconn_family = AF_CONN;
  address.sconn_port = htons(port);
  address.sconn_addr = name;
  return address;
}

template <class T>
void set(struct socket* socket, int level, int option, const T& value) {
  if (usrsctp_setsockopt(socket, level, option, &value, sizeof value) != 0)
    fail("usrsctp_setsockopt " + std::to_string(option));
}

}  // namespace

UsrsctpPair::UsrsctpPair(const UsrsctpOptions& options) : options_(options) {
  start_usrsctp();
  static std::uint16_t next_port = 1000;
  port_ = next_port;
  next_port = static_cast<std::uint16_t>(next_port + 1000);
  timers_at_ = clock_.now();
  servers_.push_back(open_server(port_));
  sender_ = open(SOCK_STREAM);
  connect(sender_, port_);
  run_until(1, 0);
  came_up_.clear();
  clock_.stop();
}

UsrsctpPair::~UsrsctpPair() {
  for (struct socket* socket : clients_) usrsctp_close(socket);
  for (struct socket* socket : holders_) usrsctp_close(socket);
  for (struct socket* socket : servers_) usrsctp_close(socket);
  usrsctp_close(sender_);
  while (!wire().empty()) {
    const UsrsctpWire::Packet packet = wire().pop();
    usrsctp_conninput(packet.from == &left_name ? &right_name : &left_name, packet.bytes,
                      packet.size, 0);
    wire().give_back(packet);
  }
}

struct socket* UsrsctpPair::open(int type) {
  struct socket* socket = usrsctp_socket(AF_CONN, type, IPPROTO_SCTP, on_receive, nullptr, 0, this);
  if (socket == nullptr) fail("usrsctp_socket");
  usrsctp_set_non_blocking(socket, 1);
  set(socket, SOL_SOCKET, SO_SNDBUF, options_.buffer_bytes);
  set(socket, SOL_SOCKET, SO_RCVBUF, options_.buffer_bytes);
  set(socket, IPPROTO_SCTP, SCTP_NODELAY, int{options_.nodelay});
  // Both ends know what the wire carries: no packet is smaller for not knowing it.
  struct sctp_paddrparams path {};
  path.spp_assoc_id = SCTP_FUTURE_ASSOC;
  path.spp_flags = SPP_PMTUD_DISABLE;
  path.spp_pathmtu = kMtu;
  set(socket, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, path);
  struct sctp_event event {};
  event.se_assoc_id = SCTP_FUTURE_ASSOC;
  event.se_type = SCTP_ASSOC_CHANGE;
  event.se_on = 1;
  set(socket, IPPROTO_SCTP, SCTP_EVENT, event);
  return socket;
}

struct socket* UsrsctpPair::open_server(std::uint16_t port) {
  struct socket* socket = open(SOCK_SEQPACKET);
  struct sockaddr_conn address = address_of(&right_name, port);
  if (usrsctp_bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      usrsctp_listen(socket, 128) != 0) {
    fail("usrsctp: listen");
  }
  return socket;
}

void UsrsctpPair::connect(struct socket* client, std::uint16_t port) {
  struct sockaddr_conn address = address_of(&left_name, port);
  if (usrsctp_connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 &&
      errno != EINPROGRESS) {
    fail(std::string("usrsctp_connect: ") + std::strerror(errno));
  }
}

/// Carries packets until there are none left, and runs the timers.
void UsrsctpPair::turn() {
  while (!wire().empty()) {
    const UsrsctpWire::Packet packet = wire().pop();
    usrsctp_conninput(packet.from == &left_name ? &right_name : &left_name, packet.bytes,
                      packet.size, 0);
    wire().give_back(packet);
  }
  const Time now = clock_.now();
  if (now - timers_at_ < kTimerTick) return;
  usrsctp_handle_timers(static_cast<std::uint32_t>((now - timers_at_).milliseconds()));
  timers_at_ = now;
}

// ---- messages ----

Work UsrsctpPair::transfer(const Traffic& traffic, Duration span) {
  const Running running(clock_);
  Writer there(traffic.size), back(traffic.size);
  Reader reader_there(there), reader_back(back);
  flags_ = traffic.is_unordered ? SCTP_UNORDERED : 0;
  ways_ = {{sender_, 0, &there, &reader_there}};
  if (traffic.is_both_ways) ways_.push_back({servers_[0], senders_peer_, &back, &reader_back});
  send_for(span / 8);
  const std::uint64_t before = reader_there.read() + reader_back.read();
  const CpuStopwatch stopwatch;
  send_for(span);
  ways_.clear();
  return {reader_there.read() + reader_back.read() - before, stopwatch.seconds()};
}

void UsrsctpPair::send_for(Duration span) {
  const Time end = clock_.now() + span;
  while (clock_.now() < end) {
    for (const Way& way : ways_) {
      for (std::size_t i = 0; i < batch_of(way.writer->size()) && send_one(way, false); ++i) {
      }
    }
    turn();
  }
  for (const Way& way : ways_) drain(way);
}

void UsrsctpPair::drain(const Way& way) {
  const Time end = clock_.now() + seconds(30);
  bool is_sent = false;
  while (!is_sent || way.reader->read() < way.writer->written()) {
    if (!is_sent) is_sent = send_one(way, true);
    turn();
    if (clock_.now() > end) fail("usrsctp: messages did not arrive");
  }
}

bool UsrsctpPair::send_one(const Way& way, bool is_last) {
  Writer& writer = *way.writer;
  struct sctp_sndinfo info {};
  info.snd_ppid = htonl(46);
  info.snd_assoc_id = way.association;
  info.snd_flags = flags_;
  if (is_last) info.snd_flags |= SCTP_SACK_IMMEDIATELY;
  const ssize_t sent = usrsctp_sendv(way.from, writer.next(), writer.size(), nullptr, 0, &info,
                                     sizeof info, SCTP_SENDV_SNDINFO, 0);
  if (sent == static_cast<ssize_t>(writer.size())) return true;
  if (sent >= 0 || (errno != EWOULDBLOCK && errno != EAGAIN))
    fail(std::string("usrsctp_sendv: ") + std::strerror(errno));
  writer.take_back();
  return false;
}

void UsrsctpPair::on_message(struct socket* socket, const void* data, std::size_t size) {
  const std::size_t way = socket == sender_ ? 1 : 0;
  if (way >= ways_.size()) fail("usrsctp: a message where none was sent");
  ways_[way].reader->take(data, size);
}

// ---- associations ----

void UsrsctpPair::on_notification(struct socket* socket, const void* data, std::size_t size) {
  struct sctp_assoc_change change {};
  std::memcpy(&change, data, std::min(size, sizeof change));
  if (change.sac_type != SCTP_ASSOC_CHANGE) return;
  const bool is_server = std::find(servers_.begin(), servers_.end(), socket) != servers_.end();
  switch (change.sac_state) {
    case SCTP_COMM_UP:
      ++(is_server ? server_up_ : client_up_);
      if (is_server && server_up_ == 1) senders_peer_ = change.sac_assoc_id;
      if (!is_server) came_up_.push_back({socket, change.sac_assoc_id});
      break;
    case SCTP_SHUTDOWN_COMP:
      ++(is_server ? server_down_ : client_down_);
      if (!is_server) idle_.push_back(socket);
      break;
    default:
      fail("usrsctp: an association broke down");
  }
}

void UsrsctpPair::run_until(std::uint64_t up, std::uint64_t down) {
  const Time end = clock_.now() + seconds(30);
  while (client_up_ < up || server_up_ < up || client_down_ < down || server_down_ < down) {
    turn();
    if (clock_.now() > end) fail("usrsctp: associations did not come or go");
  }
}

void UsrsctpPair::shut_down(const Came& came) {
  struct sctp_sndinfo info {};
  info.snd_flags = SCTP_EOF;
  info.snd_assoc_id = came.association;
  if (usrsctp_sendv(came.socket, "", 0, nullptr, 0, &info, sizeof info, SCTP_SENDV_SNDINFO, 0) <
      0) {
    fail(std::string("usrsctp: shutdown: ") + std::strerror(errno));
  }
}

// Sockets that can have several associations are used again and again: none is opened or closed.
Work UsrsctpPair::set_up(Duration span) {
  const Running running(clock_);
  while (clients_.size() < kSetUpsAtOnce) {
    clients_.push_back(open(SOCK_SEQPACKET));
    idle_.push_back(clients_.back());
  }
  const std::uint64_t before = client_down_;
  std::uint64_t goal = client_up_;
  const CpuStopwatch stopwatch;
  const Time end = clock_.now() + span;
  const auto go_round = [&] {
    turn();
    for (; !came_up_.empty(); came_up_.pop_front()) shut_down(came_up_.front());
  };
  while (clock_.now() < end) {
    for (; !idle_.empty(); idle_.pop_front(), ++goal) connect(idle_.front(), port_);
    go_round();
  }
  while (idle_.size() < clients_.size()) {
    go_round();
    if (clock_.now() > end + seconds(30)) fail("usrsctp: associations did not come or go");
  }
  if (client_up_ != goal || server_up_ != goal || server_down_ != client_down_)
    fail("usrsctp: the two ends have seen different associations");
  return {client_down_ - before, stopwatch.seconds()};
}

// A socket that can have several associations, on both sides: the memory of sockets is shared by as
// many associations as will do.
void UsrsctpPair::hold(std::size_t associations) {
  const Running running(clock_);
  while (servers_.size() < kServersOfHold) {
    servers_.push_back(open_server(static_cast<std::uint16_t>(port_ + servers_.size())));
  }
  std::size_t made = 0;
  while (made < associations) {
    holders_.push_back(open(SOCK_SEQPACKET));
    const std::size_t step = std::min(servers_.size(), associations - made);
    for (std::size_t i = 0; i < step; ++i)
      connect(holders_.back(), static_cast<std::uint16_t>(port_ + i));
    made += step;
    run_until(client_up_ + step, 0);
  }
  came_up_.clear();
}

}  // namespace millrace::bench
