// usrsctp as its users run it: on raw sockets, with its own threads.
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <usrsctp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "bench/traffic/endpoint.h"
#include "bench/traffic/endpoint_addresses.h"
#include "bench/traffic/inbox.h"
#include "bench/traffic/message.h"

namespace millrace::bench {
namespace {

constexpr std::size_t kReceiveBytes = 1 << 20;  // of one poll
constexpr int kReadsMax = 64;                   // of one socket until the next has its turn
constexpr std::uint32_t kListener = 1u << 20;   // above the links
constexpr useconds_t kFinishPause = 10'000;
constexpr int kFinishTries = 200;

/// Sockets that usrsctp's threads have something to say about.
class ReadyList {
 public:
  ReadyList() : bell_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~ReadyList() { close(bell_); }

  void add(std::uint32_t index) {
    const std::lock_guard lock(mutex_);
    if (index >= is_listed_.size()) is_listed_.resize(index + std::size_t{1});
    if (is_listed_[index]) return;
    is_listed_[index] = true;
    indexes_.push_back(index);
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(bell_, &one, sizeof one);
  }
  void take(std::vector<std::uint32_t>& indexes) {
    indexes.clear();
    const std::lock_guard lock(mutex_);
    indexes.swap(indexes_);
    if (indexes.empty()) return;
    for (const std::uint32_t index : indexes) is_listed_[index] = false;
    std::uint64_t count;
    [[maybe_unused]] const auto got = read(bell_, &count, sizeof count);
  }
  void wait(Duration most) const {
    pollfd entry{bell_, POLLIN, 0};
    const timespec patience{most.ns / 1'000'000'000, most.ns % 1'000'000'000};
    ppoll(&entry, 1, &patience, nullptr);
  }

 private:
  std::mutex mutex_;
  std::vector<std::uint32_t> indexes_;
  std::vector<bool> is_listed_;
  int bell_;
};

// usrsctp is one in a process, and its threads may call until it has finished.
ReadyList& ready_list() {
  static ReadyList list;
  return list;
}

void on_upcall(struct socket*, void* name, int) {
  ready_list().add(static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(name)));
}

class UsrsctpEndpoint : public Endpoint {
 public:
  explicit UsrsctpEndpoint(const EndpointOptions& options) : options_(options) {
    ready_list();
    usrsctp_init(0, nullptr, nullptr);
    usrsctp_sysctl_set_sctp_ecn_enable(0);
    usrsctp_sysctl_set_sctp_nr_incoming_streams_default(options.streams);
    usrsctp_sysctl_set_sctp_nr_outgoing_streams_default(options.streams);
  }
  ~UsrsctpEndpoint() override {
    for (const Link& link : links_) {
      if (link.socket != nullptr) usrsctp_close(link.socket);
    }
    if (listener_ != nullptr) usrsctp_close(listener_);
    for (int i = 0; i < kFinishTries && usrsctp_finish() != 0; ++i) usleep(kFinishPause);
  }

  void listen() override {
    SocketAddresses local = addresses(options_.locals, options_.port);
    listener_ = open(local.family());
    bind(listener_, local);
    if (usrsctp_listen(listener_, 1024) != 0) fault("listen");
    set_upcall(listener_, kListener);
  }

  bool connect() override {
    SocketAddresses peer = addresses(options_.peers, options_.port);
    struct socket* socket = open(peer.family());
    if (!options_.locals.empty()) {
      SocketAddresses local = addresses(options_.locals, 0, peer.is_v6());
      bind(socket, local);
    }
    links_.push_back({.socket = socket});
    set_upcall(socket, static_cast<std::uint32_t>(links_.size() - 1));
    if (usrsctp_connectx(socket, peer.data(), peer.count(), nullptr) < 0 && errno != EINPROGRESS)
      fault("connect");
    return true;
  }

  bool send(std::uint32_t link, std::span<const std::uint8_t> message, std::uint16_t stream,
            bool is_unordered) override {
    Link& it = links_[link];
    if (it.socket == nullptr) return true;
    struct sctp_sndinfo info {};
    info.snd_sid = stream;
    info.snd_flags = is_unordered ? SCTP_UNORDERED : 0;
    info.snd_ppid = htonl(kPpid);
    if (usrsctp_sendv(it.socket, message.data(), message.size(), nullptr, 0, &info, sizeof info,
                      SCTP_SENDV_SNDINFO, 0) >= 0) {
      return true;
    }
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS) return true;  // it is ending
    it.is_blocked = true;
    // Room may have come between the two calls.
    if ((usrsctp_get_events(it.socket) & SCTP_EVENT_WRITE) != 0) ready_list().add(link);
    return false;
  }
  void flush() override {}

  std::span<const Arrival> poll() override {
    inbox_.clear();
    ready_list().take(ready_);
    for (const std::uint32_t index : ready_) {
      if (index == kListener) {
        accept();
      } else {
        look_at(index);
      }
    }
    return inbox_.arrivals();
  }

  void pause(std::uint32_t link, bool is_paused) override {
    links_[link].is_paused = is_paused;
    if (!is_paused) ready_list().add(link);
  }
  void shut_down(std::uint32_t link) override {
    if (links_[link].socket != nullptr) usrsctp_shutdown(links_[link].socket, SHUT_WR);
  }
  void wait(Duration most) override {
    if (!options_.spins && most.ns > 0) ready_list().wait(most);
  }

 private:
  struct Link {
    struct socket* socket = nullptr;
    bool is_up = false;
    bool is_blocked = false;
    bool is_paused = false;
    bool was_told = false;  // that the association ended in order
    Inbox::Pieces pieces{};
  };

  [[noreturn]] static void fault(const char* what) {
    fail(std::string("usrsctp: ") + what + ": " + std::strerror(errno));
  }
  template <class T>
  static void set(struct socket* socket, int level, int option, const T& value) {
    if (usrsctp_setsockopt(socket, level, option, &value, sizeof value) != 0) fault("setsockopt");
  }

  struct socket* open(int family) const {
    struct socket* socket =
        usrsctp_socket(family, SOCK_STREAM, IPPROTO_SCTP, nullptr, nullptr, 0, nullptr);
    if (socket == nullptr) fault("socket");
    struct sctp_initmsg init {};
    init.sinit_num_ostreams = init.sinit_max_instreams = options_.streams;
    set(socket, IPPROTO_SCTP, SCTP_INITMSG, init);
    configure(socket);
    return socket;
  }
  void configure(struct socket* socket) const {
    usrsctp_set_non_blocking(socket, 1);
    set(socket, IPPROTO_SCTP, SCTP_NODELAY, int{options_.nodelay});
    set(socket, IPPROTO_SCTP, SCTP_RECVRCVINFO, 1);
    set(socket, SOL_SOCKET, SO_SNDBUF, options_.buffer_bytes);
    set(socket, SOL_SOCKET, SO_RCVBUF, options_.buffer_bytes);
    struct sctp_event event {};
    event.se_assoc_id = SCTP_FUTURE_ASSOC;
    event.se_on = 1;
    event.se_type = SCTP_ASSOC_CHANGE;
    set(socket, IPPROTO_SCTP, SCTP_EVENT, event);
  }
  static void bind(struct socket* socket, SocketAddresses& local) {
    if (usrsctp_bindx(socket, local.data(), local.count(), SCTP_BINDX_ADD_ADDR) < 0) fault("bind");
  }
  static void set_upcall(struct socket* socket, std::uint32_t index) {
    usrsctp_set_upcall(socket, on_upcall, reinterpret_cast<void*>(std::uintptr_t{index}));
  }

  void accept() {
    while (true) {
      usrsctp_set_non_blocking(listener_, 1);
      struct socket* socket = usrsctp_accept(listener_, nullptr, nullptr);
      if (socket == nullptr) return;
      configure(socket);
      const auto index = static_cast<std::uint32_t>(links_.size());
      links_.push_back({.socket = socket, .is_up = true});
      inbox_.push({.kind = Arrival::Kind::kUp, .link = index});
      set_upcall(socket, index);
      ready_list().add(index);
    }
  }

  void look_at(std::uint32_t index) {
    if (index >= links_.size()) return;
    Link& link = links_[index];
    if (link.socket == nullptr) return;
    if (link.is_blocked && (usrsctp_get_events(link.socket) & SCTP_EVENT_WRITE) != 0) {
      link.is_blocked = false;
      inbox_.push({.kind = Arrival::Kind::kWritable, .link = index});
    }
    if (link.is_paused) return;
    for (int i = 0; i < kReadsMax; ++i) {
      if (!read_one(index)) return;
    }
    ready_list().add(index);
  }

  /// Whether there may be more to read.
  bool read_one(std::uint32_t index) {
    Link& link = links_[index];
    if (!inbox_.has_room()) {
      ready_list().add(index);
      return false;
    }
    struct sctp_rcvinfo info {};
    socklen_t info_size = sizeof info, from_size = 0;
    unsigned int kind = 0;
    int flags = 0;
    const ssize_t size = usrsctp_recvv(link.socket, inbox_.room().data(), inbox_.room().size(),
                                       nullptr, &from_size, &info, &info_size, &kind, &flags);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
    if (size <= 0) {
      if (link.is_up || size < 0)
        end(index, link.is_up ? Arrival::Kind::kDown : Arrival::Kind::kFailed,
            link.was_told || size == 0);
      return false;
    }
    if ((flags & MSG_NOTIFICATION) != 0) {
      on_notification(index, static_cast<std::size_t>(size));
      return links_[index].socket != nullptr;
    }
    on_bytes(index, info, flags, static_cast<std::size_t>(size));
    return true;
  }

  void on_notification(std::uint32_t index, std::size_t size) {
    struct sctp_assoc_change change {};
    std::memcpy(&change, inbox_.room().data(), std::min(size, sizeof change));
    if (change.sac_type != SCTP_ASSOC_CHANGE) return;
    Link& link = links_[index];
    if (change.sac_state == SCTP_COMM_UP && !link.is_up) {
      link.is_up = true;
      inbox_.push(
          {.kind = Arrival::Kind::kUp, .streams = change.sac_outbound_streams, .link = index});
    } else if (change.sac_state == SCTP_SHUTDOWN_COMP) {
      link.was_told = true;
    } else if (change.sac_state == SCTP_CANT_STR_ASSOC) {
      end(index, Arrival::Kind::kFailed, false);
    } else if (change.sac_state == SCTP_COMM_LOST) {
      end(index, Arrival::Kind::kDown, false);
    }
  }

  void on_bytes(std::uint32_t index, const struct sctp_rcvinfo& info, int flags, std::size_t size) {
    inbox_.take({.is_unordered = (info.rcv_flags & SCTP_UNORDERED) != 0,
                 .stream = info.rcv_sid,
                 .link = index},
                size, (flags & MSG_EOR) != 0, links_[index].pieces);
  }

  void end(std::uint32_t index, Arrival::Kind kind, bool is_orderly) {
    usrsctp_close(links_[index].socket);
    links_[index].socket = nullptr;
    inbox_.push({.kind = kind, .is_orderly = is_orderly, .link = index});
  }

  const EndpointOptions options_;
  struct socket* listener_ = nullptr;
  std::vector<Link> links_;
  std::vector<std::uint32_t> ready_;  // of this poll
  Inbox inbox_{kReceiveBytes};
};

}  // namespace

std::unique_ptr<Endpoint> make_usrsctp_endpoint(const EndpointOptions& options) {
  return std::make_unique<UsrsctpEndpoint>(options);
}

}  // namespace millrace::bench
