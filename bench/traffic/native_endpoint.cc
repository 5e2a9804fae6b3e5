// An application of millraced, as any other: by millrace.h alone.
#include <array>
#include <cerrno>
#include <map>
#include <tuple>
#include <unordered_map>

#include "api/millrace.h"
#include "bench/contestant.h"
#include "bench/traffic/endpoint.h"
#include "bench/traffic/message.h"

namespace millrace::bench {
namespace {

constexpr std::uint64_t kAccepted = ~std::uint64_t{0};  // the context of the listener
constexpr int kEvents = 256;                            // that are fetched at once

std::vector<mr_address> addresses_of(const std::vector<std::string>& texts, std::size_t most) {
  if (texts.size() > most) fail("more than " + std::to_string(most) + " addresses");
  std::vector<mr_address> addresses(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (mr_address_parse(texts[i].c_str(), &addresses[i]) != 0)
      fail("'" + texts[i] + "' is no address");
  }
  return addresses;
}

class NativeEndpoint : public Endpoint {
 public:
  explicit NativeEndpoint(const EndpointOptions& options)
      : options_(options),
        peers_(addresses_of(options.peers, MR_PATHS_MAX)),
        locals_(addresses_of(options.locals, MR_LOCALS_MAX)) {
    mr_attach_options attach{};
    attach.socket = options.socket.empty() ? nullptr : options.socket.c_str();
    attach.name = "millrace-bench";
    attach.flags = MR_ATTACH_ONCE | MR_ATTACH_CREDITS;
    if (mr_attach(&attach, &context_) != 0) fail(std::string("attach: ") + mr_last_error());
  }
  ~NativeEndpoint() override { mr_detach(context_); }

  void listen() override {
    mr_listen_options listen{};
    listen.port = options_.port;
    listen.streams_in = listen.streams_out = options_.streams;
    listen.addresses = locals_.data();
    listen.address_count = static_cast<std::uint16_t>(locals_.size());
    listen.context = kAccepted;
    if (mr_listen(context_, &listen) != 0) fail(std::string("listen: ") + mr_last_error());
  }

  bool connect() override {
    mr_connect_options connect{};
    connect.peer_port = options_.port;
    connect.streams_in = connect.streams_out = options_.streams;
    connect.peers = peers_.data();
    connect.peer_count = static_cast<std::uint16_t>(peers_.size());
    connect.locals = locals_.data();
    connect.local_count = static_cast<std::uint16_t>(locals_.size());
    connect.context = links_.size();
    const int status = mr_connect(context_, &connect);
    if (status == -EAGAIN) return false;
    if (status != 0) fail(std::string("connect: ") + mr_last_error());
    links_.emplace_back();
    return true;
  }

  bool send(std::uint32_t link, std::span<const std::uint8_t> message, std::uint16_t stream,
            bool is_unordered) override {
    const int status = mr_send(context_, links_[link].association, message.data(), message.size(),
                               stream, kPpid, MR_MORE | (is_unordered ? MR_UNORDERED : 0), 0);
    if (status == -EAGAIN) return false;
    if (status != 0 && status != -ENOTCONN && status != -ESHUTDOWN)
      fail(std::string("send: ") + mr_last_error());
    return true;
  }
  void flush() override { mr_flush(context_); }

  std::span<const Arrival> poll() override {
    arrivals_.clear();
    whole_.clear();
    const int count = mr_receive(context_, events_.data(), events_.size());
    if (count < 0) fail(std::string("receive: ") + mr_last_error());
    for (int i = 0; i < count; ++i) take(events_[static_cast<std::size_t>(i)]);
    return arrivals_;
  }

  void pause(std::uint32_t link, bool is_paused) override {
    Link& it = links_[link];
    it.is_paused = is_paused;
    if (is_paused) return;
    mr_consumed(context_, it.association, it.owed);
    it.owed = 0;
  }
  void shut_down(std::uint32_t link) override {
    // Without room for the request now the association ends with the process.
    mr_shutdown(context_, links_[link].association);
  }
  void wait(Duration most) override {
    if (options_.spins) return;
    const int status = mr_wait(context_, most.ns / 1000);
    if (status < 0 && status != -EINTR) fail(std::string("wait: ") + mr_last_error());
  }

 private:
  struct Link {
    mr_association association = 0;
    bool is_paused = false;
    std::uint32_t owed = 0;  // bytes of a paused link that are not consumed yet
  };

  void take(const mr_event& event) {
    switch (event.type) {
      case MR_EVENT_LISTENING:
        if (event.status != 0) fail("the engine does not listen: " + std::to_string(event.status));
        break;
      case MR_EVENT_ASSOCIATION_UP:
        on_up(event);
        break;
      case MR_EVENT_ASSOCIATION_FAILED:
        push({.kind = Arrival::Kind::kFailed, .link = static_cast<std::uint32_t>(event.context)});
        break;
      case MR_EVENT_ASSOCIATION_DOWN:
        if (!find(event.association)) break;
        push({.kind = Arrival::Kind::kDown,
              .is_orderly = event.reason == MR_REASON_SHUTDOWN,
              .link = last_link_});
        names_.erase(event.association);
        last_ = 0;
        break;
      case MR_EVENT_MESSAGE:
        if (find(event.association)) on_message(event);
        break;
      case MR_EVENT_WRITABLE:
        if (find(event.association)) push({.kind = Arrival::Kind::kWritable, .link = last_link_});
        break;
      case MR_EVENT_ENGINE_LOST:
        fail("the engine is gone");
      default:
        break;
    }
  }

  void on_up(const mr_event& event) {
    auto link = static_cast<std::uint32_t>(event.context);
    if (event.context == kAccepted) {
      link = static_cast<std::uint32_t>(links_.size());
      links_.emplace_back();
    }
    links_[link].association = event.association;
    names_[event.association] = link;
    push({.kind = Arrival::Kind::kUp, .streams = event.streams_out, .link = link});
  }

  void on_message(const mr_event& event) {
    Link& link = links_[last_link_];
    Arrival arrival{.kind = Arrival::Kind::kMessage,
                    .is_unordered = (event.flags & MR_UNORDERED) != 0,
                    .stream = event.stream,
                    .link = last_link_,
                    .data = static_cast<const std::uint8_t*>(event.data),
                    .size = event.length};
    if (link.is_paused) {
      link.owed += event.length;
    } else {
      mr_consumed(context_, event.association, event.length);
    }
    constexpr unsigned kWhole = MR_FIRST_PIECE | MR_LAST_PIECE;
    if ((event.flags & kWhole) == kWhole || put_together(event, arrival)) push(arrival);
  }

  /// Whether the message is whole with this piece.
  bool put_together(const mr_event& event, Arrival& arrival) {
    std::vector<std::uint8_t>& pieces =
        pieces_[{arrival.link, arrival.stream, arrival.is_unordered}];
    if ((event.flags & MR_FIRST_PIECE) != 0) pieces.clear();
    pieces.insert(pieces.end(), arrival.data, arrival.data + arrival.size);
    if ((event.flags & MR_LAST_PIECE) == 0) return false;
    whole_.push_back(std::move(pieces));
    arrival.data = whole_.back().data();
    arrival.size = whole_.back().size();
    return true;
  }

  bool find(mr_association association) {
    if (association == last_) return true;
    const auto found = names_.find(association);
    if (found == names_.end()) return false;
    last_ = association;
    last_link_ = found->second;
    return true;
  }
  void push(const Arrival& arrival) { arrivals_.push_back(arrival); }

  const EndpointOptions options_;
  std::vector<mr_address> peers_, locals_;
  mr_context* context_ = nullptr;
  std::vector<Link> links_;
  std::unordered_map<mr_association, std::uint32_t> names_;
  mr_association last_ = 0;  // what find() found
  std::uint32_t last_link_ = 0;
  std::array<mr_event, kEvents> events_;
  std::vector<Arrival> arrivals_;
  std::map<std::tuple<std::uint32_t, std::uint16_t, bool>, std::vector<std::uint8_t>> pieces_;
  std::vector<std::vector<std::uint8_t>> whole_;  // messages put together for this poll
};

}  // namespace

std::unique_ptr<Endpoint> make_native_endpoint(const EndpointOptions& options) {
  return std::make_unique<NativeEndpoint>(options);
}

}  // namespace millrace::bench
