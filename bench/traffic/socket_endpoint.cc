// One-to-one SCTP sockets of Linux's ABI: the kernel's, or those of millrace-run.
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/sctp.h>  // takes what is above for granted

#include <array>
#include <cerrno>
#include <cstring>

#include "bench/traffic/endpoint.h"
#include "bench/traffic/endpoint_addresses.h"
#include "bench/traffic/inbox.h"
#include "bench/traffic/message.h"

namespace millrace::bench {
namespace {

constexpr std::size_t kReceiveBytes = 1 << 18;  // that are there for one look at one socket
constexpr int kReadyMax = 64;
constexpr int kReadsMax = 32;  // of one socket until the next has its turn
constexpr std::uint64_t kListener = ~std::uint64_t{0};

class SocketEndpoint : public Endpoint {
 public:
  explicit SocketEndpoint(const EndpointOptions& options)
      : options_(options), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) fail("epoll");
  }
  ~SocketEndpoint() override {
    for (const Link& link : links_) {
      if (link.socket >= 0) close(link.socket);
    }
    if (listener_ >= 0) close(listener_);
    close(epoll_);
  }

  void listen() override {
    SocketAddresses local = addresses(options_.locals, options_.port);
    listener_ = open(local.family());
    bind(listener_, local);
    if (::listen(listener_, 1024) != 0) fault("listen");
    watch(EPOLL_CTL_ADD, listener_, EPOLLIN, kListener);
  }

  bool connect() override {
    SocketAddresses peer = addresses(options_.peers, options_.port);
    const int socket = open(peer.family());
    if (!options_.locals.empty()) {
      SocketAddresses local = addresses(options_.locals, 0, peer.is_v6());
      bind(socket, local);
    }
    const int status = peer.count() == 1 ? ::connect(socket, peer.data(), peer.size())
                                         : setsockopt(socket, IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX,
                                                      peer.data(), peer.size());
    if (status < 0 && errno != EINPROGRESS) fault("connect");
    add_link(socket, false);
    return true;
  }

  bool send(std::uint32_t link, std::span<const std::uint8_t> message, std::uint16_t stream,
            bool is_unordered) override {
    Link& it = links_[link];
    if (it.socket < 0) return true;
    sctp_sndinfo info{};
    info.snd_sid = stream;
    info.snd_flags = is_unordered ? SCTP_UNORDERED : 0;
    info.snd_ppid = htonl(kPpid);
    iovec part{const_cast<std::uint8_t*>(message.data()), message.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof info)] = {};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    cmsghdr* first = CMSG_FIRSTHDR(&header);
    first->cmsg_level = IPPROTO_SCTP;
    first->cmsg_type = SCTP_SNDINFO;
    first->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(first), &info, sizeof info);
    if (sendmsg(it.socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return true;
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS) return true;  // it is ending
    it.is_blocked = true;
    update(link);
    return false;
  }
  void flush() override {}

  std::span<const Arrival> poll() override {
    inbox_.clear();
    std::array<epoll_event, kReadyMax> ready;
    const int count = epoll_wait(epoll_, ready.data(), kReadyMax, 0);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = ready[static_cast<std::size_t>(i)];
      if (event.data.u64 == kListener) {
        accept();
      } else {
        look_at(static_cast<std::uint32_t>(event.data.u64), event.events);
      }
    }
    return inbox_.arrivals();
  }

  void pause(std::uint32_t link, bool is_paused) override {
    links_[link].is_paused = is_paused;
    update(link);
  }
  void shut_down(std::uint32_t link) override {
    if (links_[link].socket >= 0) shutdown(links_[link].socket, SHUT_WR);
  }
  void wait(Duration most) override {
    if (options_.spins || most.ns <= 0) return;
    epoll_event event;
    const timespec patience{most.ns / 1'000'000'000, most.ns % 1'000'000'000};
    epoll_pwait2(epoll_, &event, 1, &patience, nullptr);
  }

 private:
  struct Link {
    int socket = -1;
    bool is_up = false;
    bool is_blocked = false;
    bool is_paused = false;
    bool was_told = false;   // that the peer shuts down
    Inbox::Pieces pieces{};  // of a message that has begun
  };

  [[noreturn]] static void fault(const char* what) {
    const char* hint = errno == EPROTONOSUPPORT || errno == ESOCKTNOSUPPORT
                           ? " (the kernel has no SCTP: run it by millrace-run, or load the module)"
                           : "";
    fail(std::string(what) + ": " + std::strerror(errno) + hint);
  }
  template <class T>
  static void set(int socket, int level, int option, const T& value) {
    if (setsockopt(socket, level, option, &value, sizeof value) != 0) fault("setsockopt");
  }

  int open(int family) const {
    const int socket = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_SCTP);
    if (socket < 0) fault("socket");
    sctp_initmsg init{};
    init.sinit_num_ostreams = init.sinit_max_instreams = options_.streams;
    set(socket, IPPROTO_SCTP, SCTP_INITMSG, init);
    configure(socket);
    return socket;
  }
  void configure(int socket) const {
    set(socket, IPPROTO_SCTP, SCTP_NODELAY, int{options_.nodelay});
    set(socket, IPPROTO_SCTP, SCTP_RECVRCVINFO, 1);
    set(socket, SOL_SOCKET, SO_SNDBUF, options_.buffer_bytes);
    set(socket, SOL_SOCKET, SO_RCVBUF, options_.buffer_bytes);
    sctp_event event{};
    event.se_on = 1;
    event.se_type = SCTP_SHUTDOWN_EVENT;
    set(socket, IPPROTO_SCTP, SCTP_EVENT, event);
  }
  static void bind(int socket, SocketAddresses& local) {
    const int status = local.count() == 1 ? ::bind(socket, local.data(), local.size())
                                          : setsockopt(socket, IPPROTO_SCTP, SCTP_SOCKOPT_BINDX_ADD,
                                                       local.data(), local.size());
    if (status < 0) fault("bind");
  }

  void watch(int what, int socket, std::uint32_t events, std::uint64_t name) const {
    epoll_event event{};
    event.events = events;
    event.data.u64 = name;
    if (epoll_ctl(epoll_, what, socket, &event) != 0) fault("epoll_ctl");
  }
  void update(std::uint32_t index) {
    const Link& link = links_[index];
    if (link.socket < 0) return;
    const bool wants_room = link.is_blocked || !link.is_up;
    watch(EPOLL_CTL_MOD, link.socket,
          (link.is_paused ? 0u : EPOLLIN) | (wants_room ? EPOLLOUT : 0u), index);
  }
  void add_link(int socket, bool is_up) {
    links_.push_back({.socket = socket, .is_up = is_up});
    watch(EPOLL_CTL_ADD, socket, EPOLLIN | (is_up ? 0u : EPOLLOUT), links_.size() - 1);
  }

  void accept() {
    while (true) {
      const int socket = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (socket < 0) return;
      configure(socket);
      inbox_.push({.kind = Arrival::Kind::kUp, .link = static_cast<std::uint32_t>(links_.size())});
      add_link(socket, true);
    }
  }

  void look_at(std::uint32_t index, std::uint32_t events) {
    Link& link = links_[index];
    if (!link.is_up) {
      int error = 0;
      socklen_t size = sizeof error;
      getsockopt(link.socket, SOL_SOCKET, SO_ERROR, &error, &size);
      if (error != 0) return end(index, Arrival::Kind::kFailed, false);
      if ((events & EPOLLOUT) == 0) return;
      sctp_status status{};
      size = sizeof status;
      // Where writable sockets may still be on their way, this has no answer yet.
      if (getsockopt(link.socket, IPPROTO_SCTP, SCTP_STATUS, &status, &size) != 0) return;
      link.is_up = true;
      inbox_.push({.kind = Arrival::Kind::kUp, .streams = status.sstat_outstrms, .link = index});
      update(index);
    } else if (link.is_blocked && (events & EPOLLOUT) != 0) {
      link.is_blocked = false;
      inbox_.push({.kind = Arrival::Kind::kWritable, .link = index});
      update(index);
    }
    if (link.is_paused && (events & (EPOLLHUP | EPOLLERR)) == 0) return;
    for (int i = 0; i < kReadsMax && link.socket >= 0 && read_one(index); ++i) {
    }
  }

  /// Whether there may be more to read.
  bool read_one(std::uint32_t index) {
    if (!inbox_.has_room()) return false;
    Link& link = links_[index];
    alignas(cmsghdr) char control[256];
    iovec part{inbox_.room().data(), inbox_.room().size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    const ssize_t size = recvmsg(link.socket, &header, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (size <= 0) {
      end(index, Arrival::Kind::kDown, link.was_told || size == 0);
      return false;
    }
    if ((header.msg_flags & MSG_NOTIFICATION) != 0) {
      link.was_told = true;  // the only one that was asked for
      return true;
    }
    on_bytes(index, header, static_cast<std::size_t>(size));
    return true;
  }

  void on_bytes(std::uint32_t index, msghdr& header, std::size_t size) {
    sctp_rcvinfo info{};
    for (cmsghdr* it = CMSG_FIRSTHDR(&header); it != nullptr; it = CMSG_NXTHDR(&header, it)) {
      if (it->cmsg_level == IPPROTO_SCTP && it->cmsg_type == SCTP_RCVINFO)
        std::memcpy(&info, CMSG_DATA(it), sizeof info);
    }
    inbox_.take({.is_unordered = (info.rcv_flags & SCTP_UNORDERED) != 0,
                 .stream = info.rcv_sid,
                 .link = index},
                size, (header.msg_flags & MSG_EOR) != 0, links_[index].pieces);
  }

  void end(std::uint32_t index, Arrival::Kind kind, bool is_orderly) {
    close(links_[index].socket);
    links_[index].socket = -1;
    inbox_.push({.kind = kind, .is_orderly = is_orderly, .link = index});
  }

  const EndpointOptions options_;
  int epoll_;
  int listener_ = -1;
  std::vector<Link> links_;
  Inbox inbox_{kReceiveBytes};
};

}  // namespace

std::unique_ptr<Endpoint> make_socket_endpoint(const EndpointOptions& options) {
  return std::make_unique<SocketEndpoint>(options);
}

}  // namespace millrace::bench
