// usrsctp 0.9.5 over raw IP sockets: the peer that runs in any network namespace.
#include <netinet/in.h>
#include <sys/socket.h>
#include <usrsctp.h>

#include <cerrno>
#include <cstring>

#include "tests/e2e/traffic/addresses.h"
#include "tests/e2e/traffic/link.h"
#include "tests/e2e/traffic/parts.h"

namespace millrace::traffic {

namespace {

constexpr std::size_t kReceiveSize = 65536;

class UsrsctpLink : public Link {
 public:
  explicit UsrsctpLink(struct socket* socket) : socket_(socket) {}
  ~UsrsctpLink() override { usrsctp_close(socket_); }

  bool send(std::uint16_t stream, bool is_unordered, std::uint32_t ppid,
            std::span<const std::uint8_t> message) override {
    struct sctp_sndinfo info {};
    info.snd_sid = stream;
    info.snd_flags = is_unordered ? SCTP_UNORDERED : 0;
    info.snd_ppid = htonl(ppid);
    const auto sent = usrsctp_sendv(socket_, message.data(), message.size(), nullptr, 0, &info,
                                    sizeof(info), SCTP_SENDV_SNDINFO, 0);
    return sent == static_cast<ssize_t>(message.size());
  }

  void receive(Delivery& delivery) override {
    while (!receive_part(delivery)) {
    }
  }

  void shutdown() override { usrsctp_shutdown(socket_, SHUT_WR); }

 private:
  /// True when `delivery` is a whole message or an event.
  bool receive_part(Delivery& delivery) {
    std::uint8_t part[kReceiveSize];
    struct sctp_rcvinfo info {};
    socklen_t info_size = sizeof(info);
    unsigned int info_type = 0;
    int flags = 0;
    sockaddr_storage from;
    socklen_t from_size = sizeof(from);
    const auto size = usrsctp_recvv(socket_, part, sizeof(part), reinterpret_cast<sockaddr*>(&from),
                                    &from_size, &info, &info_size, &info_type, &flags);
    if (size <= 0) {
      delivery.event = size == 0 && was_orderly_ ? Event::shut_down : Event::lost;
      delivery.reason = size == 0 ? "ended without shutdown" : std::strerror(errno);
      return true;
    }
    if ((flags & MSG_NOTIFICATION) != 0) {
      return on_notification(part, static_cast<std::size_t>(size), delivery);
    }
    return parts_.add({.bytes = part,
                       .size = static_cast<std::size_t>(size),
                       .stream = info.rcv_sid,
                       .is_unordered = (info.rcv_flags & SCTP_UNORDERED) != 0,
                       .ppid = info.rcv_ppid,
                       .is_last = (flags & MSG_EOR) != 0},
                      delivery);
  }

  bool on_notification(const std::uint8_t* bytes, std::size_t size, Delivery& delivery) {
    union sctp_notification notification {};
    std::memcpy(&notification, bytes, std::min(size, sizeof(notification)));
    delivery.event = Event::other;
    if (notification.sn_header.sn_type == SCTP_SHUTDOWN_EVENT)
      delivery.event = Event::peer_shutdown;
    if (notification.sn_header.sn_type != SCTP_ASSOC_CHANGE) return true;
    switch (notification.sn_assoc_change.sac_state) {
      case SCTP_COMM_UP:
        delivery.event = Event::up;
        break;
      case SCTP_RESTART:
        delivery.event = Event::restart;
        break;
      case SCTP_SHUTDOWN_COMP:
        was_orderly_ = true;
        delivery.event = Event::shut_down;
        break;
      default:
        delivery.event = Event::lost;
        delivery.reason =
            notification.sn_assoc_change.sac_state == SCTP_COMM_LOST ? "aborted" : "failed";
    }
    return true;
  }

  struct socket* socket_;
  Parts parts_;
  bool was_orderly_ = false;
};

class UsrsctpTransport : public Transport {
 public:
  explicit UsrsctpTransport(const Options& options) : options_(options) {
    usrsctp_init(0, nullptr, nullptr);
    usrsctp_sysctl_set_sctp_blackhole(0);
    // As the engine does: one expiration, and data prefers another path (RFC 7829).
    if (options.is_fast) usrsctp_sysctl_set_sctp_path_pf_threshold(0);
    // Streams come from the command line of both sides: asking for what the peer would refuse
    // would only test the negotiation.
    usrsctp_sysctl_set_sctp_nr_incoming_streams_default(options.streams);
  }

  void listen() override {
    listener_ = open(options_.port);
    if (usrsctp_listen(listener_, 64) < 0) die("listen");
  }

  std::unique_ptr<Link> accept() override {
    struct socket* socket = usrsctp_accept(listener_, nullptr, nullptr);
    if (socket == nullptr) die("accept");
    return std::make_unique<UsrsctpLink>(socket);
  }

  std::unique_ptr<Link> connect() override {
    struct socket* socket = open(0);
    Addresses peer(options_.connect, options_.port);
    if (usrsctp_connectx(socket, peer.data(), peer.count(), nullptr) < 0) die("connect");
    return std::make_unique<UsrsctpLink>(socket);
  }

 private:
  struct socket* open(std::uint16_t port) {
    Addresses local(options_.bind, port);
    const int family = options_.bind.empty() && !options_.connect.empty()
                           ? Addresses(options_.connect, 0).family()
                           : local.family();
    struct socket* socket =
        usrsctp_socket(family, SOCK_STREAM, IPPROTO_SCTP, nullptr, nullptr, 0, nullptr);
    if (socket == nullptr) die("socket");
    configure(socket);
    if (!options_.bind.empty() || port != 0) {
      if (usrsctp_bindx(socket, local.data(), local.count(), SCTP_BINDX_ADD_ADDR) < 0) die("bindx");
    }
    return socket;
  }

  void configure(struct socket* socket) {
    struct sctp_initmsg init {};
    init.sinit_num_ostreams = options_.streams;
    init.sinit_max_instreams = options_.streams;
    set(socket, SCTP_INITMSG, init, "INITMSG");
    set(socket, SCTP_NODELAY, 1, "NODELAY");
    set(socket, SCTP_RECVRCVINFO, 1, "RECVRCVINFO");
    for (const std::uint16_t type : {SCTP_ASSOC_CHANGE, SCTP_SHUTDOWN_EVENT}) {
      struct sctp_event event {};
      event.se_assoc_id = SCTP_FUTURE_ASSOC;
      event.se_type = type;
      event.se_on = 1;
      set(socket, SCTP_EVENT, event, "EVENT");
    }
    if (options_.is_fast) configure_timers(socket);
    const int size = static_cast<int>(options_.buffer);
    if (usrsctp_setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) < 0) die("SNDBUF");
    if (usrsctp_setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0) die("RCVBUF");
  }

  void configure_timers(struct socket* socket) {
    struct sctp_rtoinfo rto {};
    rto.srto_initial = kFastRtoInitialMs;
    rto.srto_min = kFastRtoMinMs;
    rto.srto_max = kFastRtoMaxMs;
    set(socket, SCTP_RTOINFO, rto, "RTOINFO");
    struct sctp_paddrparams path {};
    path.spp_hbinterval = kFastHeartbeatMs;
    path.spp_pathmaxrxt = kFastPathMaxRetrans;
    path.spp_flags = SPP_HB_ENABLE;
    set(socket, SCTP_PEER_ADDR_PARAMS, path, "PEER_ADDR_PARAMS");
  }

  template <class Value>
  void set(struct socket* socket, int option, const Value& value, const char* name) {
    if (usrsctp_setsockopt(socket, IPPROTO_SCTP, option, &value, sizeof(value)) < 0) die(name);
  }

  const Options& options_;
  struct socket* listener_ = nullptr;
};

}  // namespace

std::unique_ptr<Transport> make_transport(const Options& options) {
  return std::make_unique<UsrsctpTransport>(options);
}

}  // namespace millrace::traffic
