// mr-traffic: the traffic programs' roles over the engine. Options are those of the others, and
// --socket PATH of the engine's attach socket.
//
// A context belongs to one thread, and a Link is used by two: so one thread (Pump) owns the context
// and moves messages between it and the links' boxes.
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "api/millrace.h"
#include "tests/e2e/traffic/link.h"
#include "tests/e2e/traffic/message.h"
#include "tests/e2e/traffic/roles.h"

namespace millrace::traffic {

void die(const std::string& what) {
  std::fprintf(stderr, "mr-traffic: %s\n", what.c_str());
  std::fflush(nullptr);
  std::_Exit(1);
}

namespace {

struct Outgoing {
  std::vector<std::uint8_t> bytes;
  std::uint32_t ppid = 0;
  std::uint16_t stream = 0;
  bool is_unordered = false;
};

/// What the threads of one association share; guarded by Pump's mutex.
struct Box {
  mr_association association = 0;
  std::deque<Outgoing> out;
  std::deque<Delivery> in;
  std::map<std::pair<std::uint16_t, bool>, std::vector<std::uint8_t>> parts;  // begun messages
  bool is_blocked = false;  // until MR_EVENT_WRITABLE
  bool is_shutdown_wanted = false;
  int refusal = 0;  // errno of a send that the association no longer takes
  bool is_over = false;
  Delivery end;  // told when all that is due before it has come
};

class Pump {
 public:
  explicit Pump(const Options& options, const std::string& socket) : options_(options) {
    mr_attach_options attach{};
    attach.socket = socket.c_str();
    attach.flags = MR_ATTACH_ONCE;
    if (mr_attach(&attach, &context_) != 0) die(mr_last_error());
    wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    for (const std::string& text : options.bind) locals_.push_back(parse(text));
    thread_ = std::thread([this] { run(); });
  }
  ~Pump() {
    {
      const std::lock_guard lock(mutex_);
      is_stopped_ = true;
    }
    wake();
    thread_.join();
    mr_detach(context_);
  }

  void listen() {
    std::unique_lock lock(mutex_);
    is_listen_wanted_ = true;
    wake();
    changed_.wait(lock, [this] { return is_listening_; });
  }
  std::shared_ptr<Box> next_accepted() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !accepted_.empty(); });
    auto box = accepted_.front();
    accepted_.pop_front();
    return box;
  }
  std::shared_ptr<Box> connect() {
    std::unique_lock lock(mutex_);
    auto box = std::make_shared<Box>();
    connecting_[++connects_] = box;
    to_connect_.push_back(connects_);
    wake();
    changed_.wait(lock, [&box] { return box->association != 0; });
    return box;
  }

  bool send(Box& box, Outgoing message) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock,
                  [&box] { return box.out.size() < kBoxMax || box.is_over || box.refusal != 0; });
    if (box.is_over || box.refusal != 0) {
      errno = box.refusal != 0 ? box.refusal : ENOTCONN;
      return false;
    }
    box.out.push_back(std::move(message));
    wake();
    return true;
  }
  void receive(Box& box, Delivery& delivery) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&box] { return !box.in.empty(); });
    delivery = std::move(box.in.front());
    box.in.pop_front();
  }
  void shutdown(Box& box) {
    const std::lock_guard lock(mutex_);
    box.is_shutdown_wanted = true;
    wake();
  }

 private:
  static constexpr std::size_t kBoxMax = 64;

  static mr_address parse(const std::string& text) {
    mr_address address;
    if (mr_address_parse(text.c_str(), &address) != 0) die("address " + text);
    return address;
  }
  void wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(wake_, &one, sizeof one);
  }

  void run() {
    const int descriptor = mr_fd(context_);
    if (descriptor < 0) die(mr_last_error());
    while (true) {
      {
        const std::lock_guard lock(mutex_);
        if (is_stopped_) return;
        serve();
      }
      pollfd entries[2] = {{descriptor, POLLIN, 0}, {wake_, POLLIN, 0}};
      poll(entries, 2, -1);
      std::uint64_t count;
      [[maybe_unused]] const auto got = read(wake_, &count, sizeof count);
    }
  }

  /// One turn with the mutex held: what is asked of us, then what is there, until there is no more.
  void serve() {
    if (std::exchange(is_listen_wanted_, false)) start_listening();
    for (; !to_connect_.empty(); to_connect_.pop_front()) start_connecting(to_connect_.front());
    mr_event events[64];
    int count;
    do {
      for (const auto& [association, box] : boxes_) send_from(*box);
      mr_flush(context_);
      count = mr_receive(context_, events, 64);
      if (count < 0) die(mr_last_error());
      for (int i = 0; i < count; ++i) on_event(events[i]);
    } while (count > 0);
    changed_.notify_all();
  }

  void start_listening() {
    mr_listen_options listen{};
    listen.port = options_.port;
    listen.streams_out = options_.streams;
    listen.streams_in = options_.streams;
    listen.addresses = locals_.data();
    listen.address_count = static_cast<std::uint16_t>(locals_.size());
    if (mr_listen(context_, &listen) != 0) die(mr_last_error());
  }
  void start_connecting(std::uint64_t number) {
    std::vector<mr_address> peers;
    for (const std::string& text : options_.connect) peers.push_back(parse(text));
    mr_connect_options connect{};
    connect.peer_port = options_.port;
    connect.streams_out = options_.streams;
    connect.streams_in = options_.streams;
    connect.peers = peers.data();
    connect.peer_count = static_cast<std::uint16_t>(peers.size());
    connect.locals = locals_.data();
    connect.local_count = static_cast<std::uint16_t>(locals_.size());
    connect.context = number;
    if (mr_connect(context_, &connect) != 0) die(mr_last_error());
  }

  void send_from(Box& box) {
    while (!box.out.empty() && !box.is_blocked && !box.is_over) {
      const Outgoing& message = box.out.front();
      const std::uint32_t flags = MR_MORE | (message.is_unordered ? MR_UNORDERED : 0);
      const int status = mr_send(context_, box.association, message.bytes.data(),
                                 message.bytes.size(), message.stream, message.ppid, flags, 0);
      if (status == -EAGAIN) {
        box.is_blocked = true;
        return;
      }
      if (status != 0) {
        box.refusal = -status;
        give_back(box);
        break;
      }
      box.out.pop_front();
    }
    if (box.is_shutdown_wanted && box.out.empty() && !box.is_over)
      box.is_shutdown_wanted = mr_shutdown(context_, box.association) == -EAGAIN;
  }

  void on_event(const mr_event& event) {
    if (event.type == MR_EVENT_LISTENING) {
      if (event.status != 0) die(std::string("listen: ") + std::strerror(-event.status));
      is_listening_ = true;
    } else if (event.type == MR_EVENT_ASSOCIATION_UP) {
      on_up(event);
    } else if (event.type == MR_EVENT_ASSOCIATION_FAILED) {
      die("connect: reason " + std::to_string(event.reason));
    } else if (event.type == MR_EVENT_ENGINE) {
      end_boxes();
    } else if (const auto found = boxes_.find(event.association); found != boxes_.end()) {
      on_event(*found->second, event);
    }
  }

  /// What was on its way to the engine when an association ended comes back after the end. The
  /// answer to another request is behind it; only then the session is told.
  void end_boxes() {
    for (auto at = boxes_.begin(); at != boxes_.end();) {
      Box& box = *at->second;
      if (box.is_over) box.in.push_back(std::move(box.end));
      at = box.is_over ? boxes_.erase(at) : std::next(at);
    }
  }

  void on_up(const mr_event& event) {
    auto box = std::make_shared<Box>();
    if ((event.flags & MR_PASSIVE) != 0) {
      accepted_.push_back(box);
    } else {
      box = connecting_.at(event.context);
      connecting_.erase(event.context);
    }
    box->association = event.association;
    boxes_[event.association] = box;
    if (!options_.is_fast) return;
    mr_set_parameter(context_, event.association, MR_RTO_MIN_MS, kFastRtoMinMs);
    mr_set_parameter(context_, event.association, MR_RTO_MAX_MS, kFastRtoMaxMs);
    mr_set_parameter(context_, event.association, MR_HEARTBEAT_INTERVAL_MS, kFastHeartbeatMs);
    mr_set_parameter(context_, event.association, MR_PATH_MAX_RETRANS, kFastPathMaxRetrans);
  }

  void on_event(Box& box, const mr_event& event) {
    Delivery delivery;
    switch (event.type) {
      case MR_EVENT_MESSAGE:
        if (!on_piece(box, event, delivery)) return;
        break;
      case MR_EVENT_WRITABLE:
        box.is_blocked = false;
        return;
      case MR_EVENT_RESTART:
        delivery.event = Event::restart;
        break;
      case MR_EVENT_PEER_SHUTDOWN:
        delivery.event = Event::peer_shutdown;
        break;
      case MR_EVENT_SEND_FAILED:
        delivery.event = Event::failed;
        break;
      case MR_EVENT_ASSOCIATION_DOWN:
        box.is_over = true;
        give_back(box);
        delivery.event = event.reason == MR_REASON_SHUTDOWN ? Event::shut_down : Event::lost;
        delivery.reason =
            event.reason == MR_REASON_PEER_ABORT || event.reason == MR_REASON_LOCAL_ABORT
                ? "aborted"
                : "reason " + std::to_string(event.reason);
        box.end = std::move(delivery);
        if (mr_get_engine(context_) != 0) end_boxes();
        return;
      default:
        return;
    }
    box.in.push_back(std::move(delivery));
  }

  /// What the library has not taken will not be delivered either.
  static void give_back(Box& box) {
    Delivery failed;
    failed.event = Event::failed;
    box.in.insert(box.in.end(), box.out.size(), failed);
    box.out.clear();
  }

  /// True when the message is whole.
  static bool on_piece(Box& box, const mr_event& event, Delivery& delivery) {
    const bool is_unordered = (event.flags & MR_UNORDERED) != 0;
    auto& bytes = box.parts[{event.stream, is_unordered}];
    if ((event.flags & MR_FIRST_PIECE) != 0) bytes.clear();
    const auto* data = static_cast<const std::uint8_t*>(event.data);
    bytes.insert(bytes.end(), data, data + event.length);
    if ((event.flags & MR_LAST_PIECE) == 0) return false;
    delivery.event = Event::message;
    delivery.stream = event.stream;
    delivery.is_unordered = is_unordered;
    delivery.ppid = event.ppid;
    delivery.bytes = std::move(bytes);
    box.parts.erase({event.stream, is_unordered});
    return true;
  }

  const Options& options_;
  mr_context* context_ = nullptr;
  int wake_ = -1;
  std::vector<mr_address> locals_;
  std::thread thread_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<mr_association, std::shared_ptr<Box>> boxes_;
  std::map<std::uint64_t, std::shared_ptr<Box>> connecting_;
  std::deque<std::uint64_t> to_connect_;
  std::deque<std::shared_ptr<Box>> accepted_;
  std::uint64_t connects_ = 0;
  bool is_listen_wanted_ = false;
  bool is_listening_ = false;
  bool is_stopped_ = false;
};

class MillraceLink : public Link {
 public:
  MillraceLink(Pump& pump, std::shared_ptr<Box> box) : pump_(pump), box_(std::move(box)) {}
  bool send(std::uint16_t stream, bool is_unordered, std::uint32_t ppid,
            std::span<const std::uint8_t> message) override {
    return pump_.send(*box_, {{message.begin(), message.end()}, ppid, stream, is_unordered});
  }
  void receive(Delivery& delivery) override { pump_.receive(*box_, delivery); }
  void shutdown() override { pump_.shutdown(*box_); }

 private:
  Pump& pump_;
  std::shared_ptr<Box> box_;
};

class MillraceTransport : public Transport {
 public:
  MillraceTransport(const Options& options, const std::string& socket) : pump_(options, socket) {}
  void listen() override { pump_.listen(); }
  std::unique_ptr<Link> accept() override {
    return std::make_unique<MillraceLink>(pump_, pump_.next_accepted());
  }
  std::unique_ptr<Link> connect() override {
    return std::make_unique<MillraceLink>(pump_, pump_.connect());
  }

 private:
  Pump pump_;
};

}  // namespace
}  // namespace millrace::traffic

int main(int argc, char** argv) {
  std::string socket = MR_DEFAULT_SOCKET;
  std::vector<char*> others;
  for (int i = 0; i < argc; ++i) {
    if (std::strcmp(argv[i], "--socket") == 0 && i + 1 < argc) {
      socket = argv[++i];
    } else {
      others.push_back(argv[i]);
    }
  }
  std::signal(SIGPIPE, SIG_IGN);
  // Before any thread: the guard takes these signals aside.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  using namespace millrace::traffic;
  const Options options = parse_options(static_cast<int>(others.size()), others.data());
  MillraceTransport transport(options, socket);
  return run(transport, options);
}
