#include "tests/sim/application.h"

#include <algorithm>
#include <cerrno>

#include "tests/sim/violation.h"

namespace millrace::sim {
namespace {

constexpr std::uint64_t kListenerContext = 0;

mr_address to_api(const IpAddress& address) {
  mr_address to;
  std::copy(address.bytes.begin(), address.bytes.end(), to.bytes);
  return to;
}

}  // namespace

std::size_t World::host_of(const IpAddress& address) const {
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    for (const IpAddress& own : hosts[i]->addresses()) {
      if (own == address) return i;
    }
  }
  throw Violation("an association with " + address.to_string() + ", which nobody has");
}

Application::Application(World& world, std::size_t host, std::size_t number, Dice dice)
    : world_(world),
      host_(host),
      number_(number),
      dice_(dice),
      habits_(world.scenario.habits),
      connects_left_(habits_.conversations),
      is_slow_(dice_.chance(habits_.slow_reader)) {
  attach(world.scenario.start);
}

Application::~Application() = default;

// ---- life and death ----

void Application::attach(Time now) {
  ipc::ClientMemory memory = world_.hosts[host_]->engine().attach();
  context_id_ = memory.context;
  context_.reset(api::make_local_context(std::move(memory)));
  reborn_at_ = kNever;
  next_act_ = next_read_ = now;
  listen();
}

void Application::die(Time now) {
  world_.trace.note(now, describe() + " dies");
  world_.ledger.on_death(host_);
  // What it has not read yet may say of any of them that something failed.
  for (const FlowId flow : flows_) world_.ledger.flow(flow).may_be_lost = true;
  leave();
  reborn_at_ = now + dice_.between(milliseconds(1), seconds(2));
}

void Application::lose_host(Time now, Time until) {
  world_.ledger.on_death(host_);
  for (const FlowId flow : flows_) world_.ledger.flow(flow).may_be_lost = true;
  forget();
  context_.reset();
  reborn_at_ = std::max(now, until);
}

void Application::forget() {
  conversations_.clear();
  connecting_.clear();
  ended_.clear();
  flows_.clear();
}

void Application::leave() {
  forget();
  if (context_ == nullptr) return;
  context_.reset();
  world_.hosts[host_]->engine().detach(context_id_, world_.scenario.gracefully);
}

bool Application::is_done() const {
  return context_ != nullptr && is_settling_ && conversations_.empty() && connecting_.empty();
}

std::string Application::describe() const {
  std::string text = "host " + std::to_string(host_) + " application " + std::to_string(number_);
  for (const auto& [handle, conversation] : conversations_) {
    text += "\n    flow " + std::to_string(conversation.flow) + ", " +
            std::to_string(conversation.messages_left) + " messages left" +
            (conversation.is_up ? "" : ", not up") + (conversation.is_blocked ? ", blocked" : "") +
            (conversation.is_ending ? ", ending" : "") +
            (conversation.peer_is_ending ? ", peer is ending" : "");
  }
  if (!connecting_.empty()) text += "\n    has no handle of a connect yet";
  return text;
}

// ---- its turn ----

Time Application::next_action() const {
  if (context_ == nullptr) return reborn_at_;
  Time next = is_settling_ ? kNever : next_act_;
  if (is_slow()) next = earlier(next, next_read_);
  for (const auto& [handle, conversation] : conversations_) {
    if (conversation.messages_left > 0 && !conversation.is_blocked && !conversation.is_ending) {
      next = earlier(next, conversation.next_send);
    }
  }
  return next;
}

bool Application::turn(Time now) {
  if (context_ == nullptr) {
    if (now < reborn_at_) return false;
    attach(now);
    return true;
  }
  bool worked = read(now);
  if (!is_settling_ && now >= next_act_) {
    act(now);
    if (context_ == nullptr) return true;
    worked = true;
  }
  worked |= write(now);
  mr_flush(context_.get());
  return worked;
}

bool Application::read(Time now) {
  if (is_slow() && now < next_read_) return false;
  std::array<mr_event, 32> events;
  const std::size_t most = is_slow() ? dice_.between(1, 3) : events.size();
  bool worked = false;
  for (;;) {
    const int count = mr_receive(context_.get(), events.data(), most);
    require(count >= 0, "mr_receive failed");
    for (int i = 0; i < count; ++i) on_event(now, events[static_cast<std::size_t>(i)]);
    worked |= count > 0;
    if (is_slow()) {
      next_read_ = now + dice_.between(microseconds(100), milliseconds(100));
      return true;
    }
    if (count == 0) return worked;
  }
}

void Application::act(Time now) {
  next_act_ = now + dice_.between(Duration{}, habits_.pause * 2);
  if (dice_.chance(habits_.dies)) return die(now);
  if (dice_.chance(0.1)) is_slow_ = dice_.chance(habits_.slow_reader);
  if (connects_left_ > 0) {
    --connects_left_;
    connect(now);
  } else if (dice_.chance(0.2)) {
    meddle();
  } else if (dice_.chance(habits_.relistens)) {
    if (is_listening_) {
      is_listening_ = mr_unlisten(context_.get(), listening_port(number_), kListenerContext) != 0;
    } else {
      listen();
    }
  }
}

// The answer may be that the port is taken: the dead predecessor's associations hold it on.
void Application::listen() {
  mr_listen_options options{};
  options.port = listening_port(number_);
  options.context = kListenerContext;
  is_listening_ = mr_listen(context_.get(), &options) == 0;
}

void Application::connect(Time now) {
  std::size_t peer = dice_.below(world_.hosts.size());
  // A host talks to itself too, but seldom.
  if (peer == host_ && !dice_.chance(0.2)) peer = (peer + 1) % world_.hosts.size();
  const SimHost& host = *world_.hosts[peer];
  std::vector<mr_address> addresses;
  for (const IpAddress& address : host.addresses()) addresses.push_back(to_api(address));
  const std::size_t first = dice_.below(addresses.size());
  std::rotate(addresses.begin(), addresses.begin() + static_cast<std::ptrdiff_t>(first),
              addresses.end());
  addresses.resize(dice_.between(1, addresses.size()));
  mr_connect_options options{};
  options.peer_port = listening_port(dice_.below(host.plan().applications));
  if (dice_.chance(habits_.fixed_port)) options.local_port = listening_port(number_);
  options.peer_count = static_cast<std::uint16_t>(addresses.size());
  options.peers = addresses.data();
  options.context = next_context_;
  if (mr_connect(context_.get(), &options) != 0) return;
  world_.trace.note(now, "host " + std::to_string(host_) + " application " +
                             std::to_string(number_) + " connects to host " + std::to_string(peer) +
                             " port " + std::to_string(options.peer_port));
  connecting_[next_context_++] = peer;
}

// Requests that change little and must break nothing.
void Application::meddle() {
  if (conversations_.empty()) return;
  auto at = conversations_.begin();
  std::advance(at, static_cast<std::ptrdiff_t>(dice_.below(conversations_.size())));
  const mr_association handle = at->first;
  if (dice_.chance(0.5)) mr_get_status(context_.get(), handle);
  if (dice_.chance(0.3)) {
    mr_set_parameter(context_.get(), handle, MR_MAX_BURST, dice_.pick({0u, 1u, 8u}));
  }
  if (dice_.chance(0.3)) {
    const auto addresses = world_.hosts[dice_.below(world_.hosts.size())]->addresses();
    const mr_address address = to_api(addresses[dice_.below(addresses.size())]);
    mr_set_primary(context_.get(), handle, &address);
  }
}

// ---- what it is told ----

Application::Conversation& Application::find(const mr_event& event) {
  const auto at = conversations_.find(event.association);
  require(at != conversations_.end(), "event " + std::to_string(event.type) +
                                          " of an association that is not there" +
                                          (ended_.count(event.association) ? " any more" : ""));
  return at->second;
}

void Application::on_event(Time now, const mr_event& event) {
  switch (event.type) {
    case MR_EVENT_CONNECTING: {
      const auto at = connecting_.find(event.context);
      require(at != connecting_.end(), "a handle for a connect that was not asked for");
      open(now, event, at->second);
      connecting_.erase(at);
      break;
    }
    case MR_EVENT_ASSOCIATION_UP:
      return on_up(now, event);
    case MR_EVENT_RESTART: {
      // What was accepted before this was read is of the old association or of the new one.
      Conversation& conversation = find(event);
      world_.ledger.on_restart(conversation.inbox);
      world_.ledger.flow(conversation.flow).may_be_lost = true;
      conversation.streams = event.streams_out;
      conversation.is_ending = conversation.peer_is_ending = false;
      break;
    }
    case MR_EVENT_MESSAGE:
      return on_message(event);
    case MR_EVENT_SEND_FAILED:
      world_.ledger.on_failed(static_cast<std::uint32_t>(event.send_context),
                              event.flags & MR_UNSENT,
                              {static_cast<const std::uint8_t*>(event.data), event.length});
      break;
    case MR_EVENT_PEER_SHUTDOWN:
      find(event).peer_is_ending = true;
      break;
    case MR_EVENT_WRITABLE:
      find(event).is_blocked = false;
      break;
    case MR_EVENT_ASSOCIATION_FAILED:
    case MR_EVENT_ASSOCIATION_DOWN:
      return on_end(event);
    case MR_EVENT_LISTENING:
      is_listening_ = event.status == 0;
      break;
    default:
      break;
  }
}

Application::Conversation& Application::open(Time now, const mr_event& event,
                                             std::size_t peer_host) {
  require(ended_.count(event.association) == 0, "a handle is used again");
  Conversation conversation;
  conversation.handle = event.association;
  conversation.flow = world_.ledger.open_flow(host_, peer_host);
  flows_.push_back(conversation.flow);
  conversation.messages_left = static_cast<std::uint32_t>(dice_.below(habits_.messages + 1));
  if (habits_.patient) conversation.messages_left = std::max(conversation.messages_left, 1u);
  conversation.bytes_max = habits_.bytes_max;
  conversation.streams = world_.scenario.parameters.streams_out;
  conversation.next_send = now;
  conversation.ends_by_abort = dice_.chance(habits_.abort);
  const auto [at, is_new] = conversations_.emplace(event.association, conversation);
  require(is_new, "two associations with one handle");
  return at->second;
}

void Application::on_up(Time now, const mr_event& event) {
  auto at = conversations_.find(event.association);
  if (at == conversations_.end()) {
    require(event.flags & MR_PASSIVE, "an association comes up that was not asked for");
    IpAddress peer;
    std::copy_n(event.address.bytes, 16, peer.bytes.begin());
    open(now, event, world_.host_of(peer));
    at = conversations_.find(event.association);
  }
  Conversation& conversation = at->second;
  require(!conversation.is_up, "an association comes up twice");
  conversation.is_up = true;
  conversation.streams = event.streams_out;
}

void Application::on_message(const mr_event& event) {
  Conversation& conversation = find(event);
  require(conversation.is_up, "a message before its association is up");
  if (fault_ == Fault::kSwallowsOne && event.flags & MR_LAST_PIECE) {
    fault_ = Fault::kNone;
    return;
  }
  Piece piece;
  piece.ppid = event.ppid;
  piece.stream = event.stream;
  piece.is_unordered = event.flags & MR_UNORDERED;
  piece.is_first = event.flags & MR_FIRST_PIECE;
  piece.is_last = event.flags & MR_LAST_PIECE;
  piece.bytes = {static_cast<const std::uint8_t*>(event.data), event.length};
  world_.ledger.on_piece(conversation.inbox, piece);
  if (fault_ == Fault::kReadsTwice) world_.ledger.on_piece(conversation.inbox, piece);
}

void Application::on_end(const mr_event& event) {
  if (event.association == 0) {
    require(connecting_.erase(event.context) == 1, "a connect fails that was not asked for");
    return;
  }
  Conversation& conversation = find(event);
  Flow& flow = world_.ledger.flow(conversation.flow);
  flow.is_shut_down = event.reason == MR_REASON_SHUTDOWN;
  require(event.type == MR_EVENT_ASSOCIATION_FAILED || conversation.is_up,
          "an association goes down that was not up");
  ended_.insert(event.association);
  conversations_.erase(event.association);
}

// ---- what it sends ----

bool Application::write(Time now) {
  bool worked = false;
  for (auto& [handle, conversation] : conversations_) {
    if (conversation.is_ending) continue;
    if (conversation.messages_left > 0 && !conversation.is_blocked &&
        now >= conversation.next_send) {
      worked |= send_burst(now, conversation);
    }
    if (is_finished(conversation) && (is_settling_ || dice_.chance(0.01))) {
      end(conversation);
      worked = true;
    }
  }
  return worked;
}

bool Application::is_finished(const Conversation& conversation) {
  if (conversation.peer_is_ending) return true;
  if (conversation.messages_left > 0) return false;
  const FlowId heard = conversation.inbox.flow;
  return !habits_.patient || (heard != Inbox::kNoFlow && world_.ledger.flow(heard).is_complete);
}

bool Application::send_burst(Time now, Conversation& conversation) {
  const std::uint64_t burst = dice_.between(1, habits_.burst);
  bool worked = false;
  for (std::uint64_t i = 0; i < burst && conversation.messages_left > 0; ++i) {
    const int status = send_one(conversation);
    if (status == -EAGAIN) {
      conversation.is_blocked = true;
      break;
    }
    worked = true;
    if (status == 0 || status == -EINVAL) {
      --conversation.messages_left;
      continue;
    }
    require(status == -ESHUTDOWN || status == -ENOTCONN,
            "mr_send fails with " + std::to_string(status));
    conversation.messages_left = 0;
  }
  world_.ledger.flow(conversation.flow).is_complete = conversation.messages_left == 0;
  conversation.next_send =
      now + (is_settling_ ? Duration{} : dice_.between(Duration{}, habits_.pause));
  return worked;
}

int Application::send_one(Conversation& conversation) {
  std::uint32_t length = static_cast<std::uint32_t>(dice_.between(1, conversation.bytes_max));
  if (dice_.chance(0.5)) length = 1 + length % 200;
  const auto stream = static_cast<std::uint16_t>(dice_.below(conversation.streams));
  const bool is_unordered = dice_.chance(habits_.unordered);
  const std::uint32_t ppid = world_.ledger.next_ppid(conversation.flow);
  const Bytes payload = world_.ledger.payload(ppid, length);
  const std::uint32_t flags = (is_unordered ? MR_UNORDERED : 0) |
                              (dice_.chance(0.1) ? MR_SACK_AT_ONCE : 0) |
                              (dice_.chance(0.7) ? MR_MORE : 0);
  const int status = mr_send(context_.get(), conversation.handle, payload.data(), payload.size(),
                             stream, ppid, flags, ppid);
  if (status == 0) world_.ledger.on_accepted(conversation.flow, stream, is_unordered, length);
  return status;
}

void Application::end(Conversation& conversation) {
  const bool aborts = conversation.ends_by_abort && !is_settling_;
  const int status = aborts ? mr_abort(context_.get(), conversation.handle, "enough", 6)
                            : mr_shutdown(context_.get(), conversation.handle);
  if (status == -EAGAIN) return;
  require(status == 0 || status == -ENOTCONN, "ending fails with " + std::to_string(status));
  conversation.is_ending = true;
}

}  // namespace millrace::sim
