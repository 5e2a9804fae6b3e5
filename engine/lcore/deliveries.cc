#include "engine/lcore/deliveries.h"

#include <algorithm>
#include <span>

#include "engine/lcore/association_name.h"
#include "engine/lcore/translate.h"

namespace millrace {
namespace {

void set_address(const IpAddress& address, ipc::CompletionEntry& entry) {
  std::copy(address.bytes.begin(), address.bytes.end(), entry.address);
}

std::uint8_t index_of(std::span<const IpAddress> locals, const IpAddress& local) {
  const auto at = std::find(locals.begin(), locals.end(), local);
  if (at != locals.end()) return static_cast<std::uint8_t>(at - locals.begin());
  return local.is_loopback() ? ipc::kLocalLoopback : ipc::kLocalUnknown;
}

void describe_association(const Event& event, ipc::CompletionEntry& entry) {
  entry.streams_out = event.streams_out;
  entry.streams_in = event.streams_in;
  entry.local_port = event.local_port;
  entry.peer_port = event.peer.port;
  entry.value = event.adaptation;
  set_address(event.peer.address, entry);
}

void describe_failed_message(const Event& event, ipc::CompletionEntry& entry) {
  entry.event = ipc::Event::send_failed;
  if ((event.flags & kWasSent) == 0) entry.flags = ipc::kSendFailedUnsent;
  entry.reason = event.reason == DownReason::kNone ? ipc::Reason::closed : reason_of(event.reason);
  entry.context = event.context;
  entry.stream = event.stream;
  entry.offset = static_cast<std::uint32_t>(event.token);
  entry.length = event.length;
  entry.ppid = event.ppid;
}

std::uint8_t message_flags(std::uint8_t from) {
  static_assert(static_cast<int>(kUnordered) == ipc::kMessageUnordered &&
                kFirstPiece << 2 == ipc::kMessageFirst && kLastPiece << 2 == ipc::kMessageLast);
  return static_cast<std::uint8_t>((from & kUnordered) | (from & (kFirstPiece | kLastPiece)) << 2);
}

// Everything but messages, which have a payload.
ipc::CompletionEntry entry_of(const Event& event, std::uint64_t name, std::uint64_t context,
                              const AssociationMarks::Mark& mark,
                              std::span<const IpAddress> locals) {
  ipc::CompletionEntry entry{};
  entry.association = name;
  entry.context = context;
  switch (event.type) {
    case EventType::kUp:
      entry.event = ipc::Event::association_up;
      if (!mark.is_ours) entry.flags = ipc::kAssociationPassive;
      entry.local = index_of(locals, event.local);
      describe_association(event, entry);
      break;
    case EventType::kDown:
      entry.event = mark.is_up ? ipc::Event::association_down : ipc::Event::association_failed;
      entry.reason = reason_of(event.reason);
      entry.value = event.error;
      break;
    case EventType::kRestart:
      entry.event = ipc::Event::restart;
      describe_association(event, entry);
      break;
    case EventType::kSendFailed:
      describe_failed_message(event, entry);
      break;
    case EventType::kPathState:
      entry.event = ipc::Event::path_state;
      entry.value = static_cast<std::uint32_t>(path_state_of(event.path_state));
      set_address(event.peer.address, entry);
      break;
    case EventType::kPeerShutdown:
      entry.event = ipc::Event::peer_shutdown;
      break;
    case EventType::kSenderDry:
      entry.event = ipc::Event::sender_dry;
      break;
    case EventType::kRemoteError:
      entry.event = ipc::Event::remote_error;
      break;
    case EventType::kMessage:
      break;
  }
  return entry;
}

// What a peer has said comes along: its ABORT, which may bear a reason, or a cause of its ERROR.
//= rfc9260 9.1
bool post_entry(ipc::Channel& channel, const Event& event, ipc::CompletionEntry& entry) {
  const Bytes said = event.type == EventType::kDown          ? event.abort_chunk
                     : event.type == EventType::kRemoteError ? event.cause
                                                             : Bytes{};
  if (said.empty()) return channel.post(entry);
  std::uint8_t* to = channel.reserve(static_cast<std::uint32_t>(said.size()));
  if (to == nullptr) return false;
  std::copy(said.begin(), said.end(), to);
  entry.length = static_cast<std::uint32_t>(said.size());
  channel.post_message(entry);
  return true;
}

}  // namespace

std::size_t Deliveries::deliver() {
  std::size_t delivered = 0;
  Delivery delivery;
  while (shard_.next_event(delivery)) {
    Context* context = contexts_.find(delivery.owner);
    const bool is_served = context != nullptr && !context->is_leaving;
    if (!is_served) {
      shard_.take_event();
      continue;
    }
    // An answer that waits (a connect's handle) comes before any event.
    const std::size_t posted = context->answers > 0 ? 0 : post(*context, delivery);
    delivered += posted;
    if (posted > 0) continue;
    counters_.add(Counter::waits_for_application);
    shard_.postpone_event();
  }
  return delivered;
}

// Posts the event, and if it is a message those behind it; takes off what it has posted and returns
// how many.
std::size_t Deliveries::post(Context& context, const Delivery& delivery) {
  const Event& event = *delivery.event;
  if (event.type == EventType::kMessage) return post_messages(context, delivery);
  AssociationMarks::Mark& mark = marks_.at(delivery.handle);
  ipc::CompletionEntry entry = entry_of(event, name_of(lcore_, delivery.handle), delivery.context,
                                        mark, shard_.local_addresses());
  if (!post_entry(*context.channel, event, entry)) return 0;
  note(delivery, mark);
  if (event.type == EventType::kUp) mark.is_up = true;
  shard_.take_event();
  return 1;
}

// Tells the main thread, for its log.
void Deliveries::note(const Delivery& delivery, const AssociationMarks::Mark& mark) {
  const Event& event = *delivery.event;
  Note note;
  switch (event.type) {
    case EventType::kUp:
      note.kind = Note::Kind::kUp;
      note.is_begun_here = mark.is_ours;
      note.local_port = event.local_port;
      break;
    case EventType::kDown:
      note.kind = mark.is_up ? Note::Kind::kDown : Note::Kind::kFailed;
      note.reason = event.reason;
      note.error = event.error;
      break;
    case EventType::kRestart:
      note.kind = Note::Kind::kRestart;
      break;
    case EventType::kPathState:
      note.kind = Note::Kind::kPath;
      note.path_state = event.path_state;
      break;
    default:
      return;
  }
  note.peer = event.peer;
  note.owner = delivery.owner;
  note.handle = delivery.handle;
  if (control_.notes.producer().push(note)) return;
  control_.notes_lost.fetch_add(1, std::memory_order_relaxed);  // pairs: Journal::look
}

std::size_t Deliveries::post_messages(Context& context, const Delivery& delivery) {
  ipc::Posting posting(*context.channel);
  const AssociationName name = name_of(lcore_, delivery.handle);
  const std::uint64_t association_context = delivery.context;
  return shard_.take_messages([&](const RxChunk& head, std::uint8_t flags) {
    std::uint8_t* to = nullptr;
    ipc::CompletionEntry* added = posting.add(head.run_length, to);
    if (added == nullptr) return false;
    copy_payload(head, to);
    ipc::CompletionEntry& entry = *added;
    entry.event = ipc::Event::message;
    entry.flags = message_flags(flags);
    entry.stream = head.stream;
    entry.ssn = head.ssn.value;
    entry.association = name;
    entry.context = association_context;
    entry.tsn = head.tsn.value;
    entry.ppid = head.ppid;
    return true;
  });
}

std::size_t Deliveries::return_payloads() {
  return shard_.take_returned([this](Owner owner, std::span<const std::uint64_t> tokens) {
    const Context* context = contexts_.find(owner);
    if (context != nullptr && !context->is_leaving) context->channel->return_slots(tokens);
  });
}

}  // namespace millrace
