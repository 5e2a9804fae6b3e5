#include "engine/lcore/deliveries.h"

#include <algorithm>

#include "engine/lcore/association_name.h"
#include "engine/lcore/translate.h"

namespace millrace {
namespace {

void set_address(const IpAddress& address, ipc::CompletionEntry& entry) {
  std::copy(address.bytes.begin(), address.bytes.end(), entry.address);
}

void describe_association(const Event& event, ipc::CompletionEntry& entry) {
  entry.streams_out = event.streams_out;
  entry.streams_in = event.streams_in;
  entry.local_port = event.local_port;
  entry.peer_port = event.peer.port;
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
  int flags = 0;
  if ((from & kUnordered) != 0) flags |= ipc::kMessageUnordered;
  if ((from & kFirstPiece) != 0) flags |= ipc::kMessageFirst;
  if ((from & kLastPiece) != 0) flags |= ipc::kMessageLast;
  return static_cast<std::uint8_t>(flags);
}

// Everything but messages, which have a payload.
ipc::CompletionEntry entry_of(const Event& event, std::uint64_t name, std::uint64_t context,
                              const AssociationMarks::Mark& mark) {
  ipc::CompletionEntry entry{};
  entry.association = name;
  entry.context = context;
  switch (event.type) {
    case EventType::kUp:
      entry.event = ipc::Event::association_up;
      if (!mark.is_ours) entry.flags = ipc::kAssociationPassive;
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
    case EventType::kMessage:
      break;
  }
  return entry;
}

}  // namespace

std::size_t Deliveries::deliver() {
  std::size_t delivered = 0;
  Delivery delivery;
  while (shard_.next_event(delivery)) {
    Context* context = contexts_.find(delivery.owner);
    const bool is_served = context != nullptr && !context->is_leaving;
    // An answer that waits (a connect's handle) comes before any event.
    if (is_served && (context->answers > 0 || !post(*context, delivery))) {
      counters_.add(Counter::waits_for_application);
      shard_.postpone_event();
      continue;
    }
    shard_.take_event();
    ++delivered;
  }
  return delivered;
}

bool Deliveries::post(Context& context, const Delivery& delivery) {
  const Event& event = *delivery.event;
  if (event.type == EventType::kMessage) return post_message(context, delivery);
  AssociationMarks::Mark& mark = marks_.at(delivery.handle);
  const ipc::CompletionEntry entry =
      entry_of(event, name_of(lcore_, delivery.handle), delivery.context, mark);
  if (!context.channel->post(entry)) return false;
  if (event.type == EventType::kUp) mark.is_up = true;
  return true;
}

bool Deliveries::post_message(Context& context, const Delivery& delivery) {
  const Event& event = *delivery.event;
  std::uint8_t* to = context.channel->reserve(event.length);
  if (to == nullptr) return false;
  copy_payload(event, to);
  ipc::CompletionEntry& entry = context.channel->message_entry();
  entry.event = ipc::Event::message;
  entry.flags = message_flags(event.flags);
  entry.stream = event.stream;
  entry.ssn = event.ssn.value;
  entry.association = name_of(lcore_, delivery.handle);
  entry.context = delivery.context;
  entry.tsn = event.tsn.value;
  entry.ppid = event.ppid;
  context.channel->post_message(event.length);
  return true;
}

std::size_t Deliveries::return_payloads() {
  std::size_t count = 0;
  ReturnedPayload returned;
  for (; shard_.next_returned(returned); ++count) {
    Context* context = contexts_.find(returned.owner);
    if (context == nullptr || context->is_leaving) continue;
    context->channel->return_slot(static_cast<std::uint32_t>(returned.token));
  }
  return count;
}

}  // namespace millrace
