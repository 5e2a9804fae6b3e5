// The Linux kernel's SCTP through lksctp's header and library.
#include <netinet/in.h>
#include <netinet/sctp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tests/e2e/traffic/addresses.h"
#include "tests/e2e/traffic/link.h"
#include "tests/e2e/traffic/parts.h"

namespace millrace::traffic {

namespace {

constexpr std::size_t kReceiveSize = 65536;

class KernelLink : public Link {
 public:
  explicit KernelLink(int socket) : socket_(socket) {}
  ~KernelLink() override { close(socket_); }

  bool send(std::uint16_t stream, bool is_unordered, std::uint32_t ppid,
            std::span<const std::uint8_t> message) override {
    const auto sent = sctp_sendmsg(socket_, message.data(), message.size(), nullptr, 0, htonl(ppid),
                                   is_unordered ? SCTP_UNORDERED : 0, stream, 0, 0);
    return sent == static_cast<int>(message.size());
  }

  void receive(Delivery& delivery) override {
    while (!receive_part(delivery)) {
    }
  }

  void shutdown() override { ::shutdown(socket_, SHUT_WR); }

 private:
  bool receive_part(Delivery& delivery) {
    std::uint8_t part[kReceiveSize];
    sctp_sndrcvinfo info{};
    int flags = 0;
    const int size = sctp_recvmsg(socket_, part, sizeof(part), nullptr, nullptr, &info, &flags);
    if (size < 0 && errno == EINTR) return false;
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
                       .stream = info.sinfo_stream,
                       .is_unordered = (info.sinfo_flags & SCTP_UNORDERED) != 0,
                       .ppid = info.sinfo_ppid,
                       .is_last = (flags & MSG_EOR) != 0},
                      delivery);
  }

  bool on_notification(const std::uint8_t* bytes, std::size_t size, Delivery& delivery) {
    sctp_notification notification{};
    std::memcpy(&notification, bytes, std::min(size, sizeof(notification)));
    delivery.event = Event::other;
    if (notification.sn_header.sn_type == SCTP_SHUTDOWN_EVENT) {
      // Everything has come. The kernel reports the end of file from here on, often before
      // SCTP_SHUTDOWN_COMP, which then never comes.
      was_orderly_ = true;
      delivery.event = Event::peer_shutdown;
    }
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

  int socket_;
  Parts parts_;
  bool was_orderly_ = false;
};

class KernelTransport : public Transport {
 public:
  explicit KernelTransport(const Options& options) : options_(options) {}
  ~KernelTransport() override {
    if (listener_ >= 0) close(listener_);
  }

  void listen() override {
    listener_ = open(options_.port);
    if (::listen(listener_, 64) < 0) die("listen");
  }

  std::unique_ptr<Link> accept() override {
    const int socket = ::accept(listener_, nullptr, nullptr);
    if (socket < 0) die("accept");
    return std::make_unique<KernelLink>(socket);
  }

  std::unique_ptr<Link> connect() override {
    const int socket = open(0);
    Addresses peer(options_.connect, options_.port);
    if (sctp_connectx(socket, peer.data(), peer.count(), nullptr) < 0) die("connect");
    return std::make_unique<KernelLink>(socket);
  }

 private:
  int open(std::uint16_t port) {
    Addresses local(options_.bind, port);
    const int family = options_.bind.empty() && !options_.connect.empty()
                           ? Addresses(options_.connect, 0).family()
                           : local.family();
    const int socket = ::socket(family, SOCK_STREAM, IPPROTO_SCTP);
    if (socket < 0) die("socket");
    configure(socket);
    if (!options_.bind.empty() || port != 0) {
      if (sctp_bindx(socket, local.data(), local.count(), SCTP_BINDX_ADD_ADDR) < 0) die("bindx");
    }
    return socket;
  }

  void configure(int socket) {
    sctp_initmsg init{};
    init.sinit_num_ostreams = options_.streams;
    init.sinit_max_instreams = options_.streams;
    set(socket, SCTP_INITMSG, init, "INITMSG");
    set(socket, SCTP_NODELAY, 1, "NODELAY");
    sctp_event_subscribe events{};
    events.sctp_data_io_event = 1;
    events.sctp_association_event = 1;
    events.sctp_shutdown_event = 1;
    set(socket, SCTP_EVENTS, events, "EVENTS");
    if (options_.is_fast) configure_timers(socket);
    // FORCE, because the default limit of 208 KiB is less than one large message.
    const int size = static_cast<int>(options_.buffer);
    if (setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0) die("SNDBUF");
    if (setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0) die("RCVBUF");
  }

  void configure_timers(int socket) {
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
  void set(int socket, int option, const Value& value, const char* name) {
    if (setsockopt(socket, IPPROTO_SCTP, option, &value, sizeof(value)) < 0) die(name);
  }

  const Options& options_;
  int listener_ = -1;
};

}  // namespace

std::unique_ptr<Transport> make_transport(const Options& options) {
  return std::make_unique<KernelTransport>(options);
}

}  // namespace millrace::traffic
