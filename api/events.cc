// Completions of the engine as events of the application, all but messages.
#include <algorithm>
#include <cstring>

#include "api/context.h"
#include "engine/base/marking.h"

namespace millrace::api {
namespace {

static_assert(MR_EVENT_LISTENING == int(ipc::Event::listening));
static_assert(MR_EVENT_STATUS == int(ipc::Event::status));
static_assert(MR_REASON_ENGINE_LOST == int(ipc::Reason::engine_lost));
static_assert(MR_PATH_POTENTIALLY_FAILED == int(ipc::PathState::potentially_failed));
static_assert(MR_PRIMARY_SWITCHOVER_MAX_RETRANS ==
              int(ipc::Parameter::primary_switchover_max_retrans));
static_assert(MR_EVENT_ENGINE == int(ipc::Event::engine));
static_assert(MR_EVENT_REMOTE_ERROR == int(ipc::Event::remote_error));
static_assert(MR_REMOTE_ERROR_EVENTS == int(ipc::Parameter::remote_error_events));
static_assert(MR_DSCP == int(ipc::Parameter::dscp));
static_assert(MR_FLOW_LABEL == int(ipc::Parameter::flow_label));
static_assert(MR_FLOW_LABEL_AUTO == Marking::kLabelOfAddresses);
static_assert(MR_HOP_LIMIT == int(ipc::Parameter::hop_limit));
static_assert(MR_PARAMETERS == ipc::kParameterLast + 1);
static_assert(sizeof(mr_engine) == sizeof(ipc::EngineStatus));
static_assert(MR_REQUEST_GET_STATUS == int(ipc::Operation::get_status));
static_assert(MR_REQUEST_HEARTBEAT == int(ipc::Operation::heartbeat));
static_assert(MR_UNORDERED == ipc::kSendUnordered && MR_UNORDERED == ipc::kMessageUnordered);
static_assert(MR_SACK_AT_ONCE == ipc::kSendImmediateSack);
static_assert(MR_FIRST_PIECE == ipc::kMessageFirst && MR_LAST_PIECE == ipc::kMessageLast);
static_assert(MR_PASSIVE == ipc::kAssociationPassive && MR_UNSENT == ipc::kSendFailedUnsent);
static_assert(sizeof(mr_status) == sizeof(ipc::AssociationStatus));
static_assert(offsetof(mr_status, messages_sent) ==
              offsetof(ipc::AssociationStatus, messages_sent));
static_assert(sizeof(mr_path_status) == sizeof(ipc::PathStatus));
static_assert(MR_MESSAGE_BYTES_MAX == kMessageBytesMax && MR_PATHS_MAX == kPathsMax);
static_assert(MR_LOCAL_LOOPBACK == ipc::kLocalLoopback);
static_assert(MR_LOCAL_UNKNOWN == ipc::kLocalUnknown);
static_assert(MR_LOCALS_MAX == kAssociationLocalsMax);
static_assert(MR_LISTEN_ADDRESSES_MAX == kListenAddressesMax);
static_assert(MR_LISTEN_SHARED == ipc::kListenShared);
static_assert(MR_CONNECT_ANY_PORT == ipc::kConnectAnyPort);

bool is_end(ipc::Event event) {
  return event == ipc::Event::association_down || event == ipc::Event::association_failed;
}

}  // namespace

/// Whether there is an event for the application in this.
bool Context::translate(Lane& lane, const ipc::CompletionEntry& entry, mr_event& event) {
  if (entry.event == ipc::Event::listening) return on_listening(lane, entry, event);
  if (entry.event == ipc::Event::request_done && entry.operation == ipc::Operation::unlisten)
    return on_unlistened(entry, event);
  event = mr_event{};
  event.type = static_cast<std::uint8_t>(entry.event);
  event.flags = entry.flags;
  event.reason = static_cast<std::uint8_t>(entry.reason);
  event.association = entry.association;
  event.context = entry.context;
  event.status = entry.status;
  event.local_port = entry.local_port;
  event.peer_port = entry.peer_port;
  std::memcpy(event.address.bytes, entry.address, sizeof entry.address);
  switch (entry.event) {
    case ipc::Event::request_done:
      event.request = static_cast<std::uint8_t>(entry.operation);
      return true;
    case ipc::Event::send_failed:
      on_send_failed(lane, entry, event);
      return true;
    case ipc::Event::path_state:
      event.path_state = static_cast<std::uint8_t>(entry.value);
      return true;
    case ipc::Event::status:
    case ipc::Event::engine:
    case ipc::Event::remote_error:
      event.data = lane.receive_arena + std::size_t{entry.offset} * ipc::kSlotUnit;
      event.length = entry.length;
      return true;
    default:
      on_association(lane, entry, event);
      return event.type <= MR_EVENT_STATUS;
  }
}

/// The undelivered message lies in its transmit slot, which is free again after this event.
void Context::on_send_failed(Lane& lane, const ipc::CompletionEntry& entry, mr_event& event) {
  event.send_context = entry.context;
  event.context = 0;
  event.stream = entry.stream;
  event.ppid = entry.ppid;
  if (entry.offset >= arena_.slots_end() || lane.slots_in_flight == 0) return;
  --lane.slots_in_flight;
  AssociationRecord* record = lane.associations.owner(owners_[entry.offset]);
  if (record != nullptr) {
    event.context = record->context;
    record->outstanding -= arena_.size_of(entry.offset);
  }
  owners_[entry.offset] = kNobody;
  given_back_.push_back(entry.offset);
  event.data = arena_.bytes_of(entry.offset);
  event.length = entry.length;
}

/// Events that change what the library knows of an association.
void Context::on_association(Lane& lane, const ipc::CompletionEntry& entry, mr_event& event) {
  AssociationRecord* record = lane.associations.find(entry.association);
  const bool had_no_handle =
      record == nullptr && (entry.flags & ipc::kAssociationPassive) == 0 &&
      (entry.event == ipc::Event::connecting || entry.event == ipc::Event::association_up ||
       entry.event == ipc::Event::association_failed);
  const auto pending = std::find(connecting_.begin(), connecting_.end(), entry.context);
  if (had_no_handle && pending != connecting_.end()) {
    connecting_.erase(pending);
    --lane.connects;
  }
  switch (entry.event) {
    case ipc::Event::connecting:
      lane.associations.enter(entry.association, entry.context).send_buffer = send_buffer_;
      break;
    case ipc::Event::association_up:
    case ipc::Event::restart:
      if (record == nullptr) {
        record = &lane.associations.enter(entry.association, entry.context);
        record->send_buffer = send_buffer_;
      }
      record->streams_out = entry.streams_out;
      event.streams_out = entry.streams_out;
      event.streams_in = entry.streams_in;
      event.adaptation = entry.value;
      event.local = entry.local;
      event.status = 0;
      break;
    case ipc::Event::peer_shutdown:
      if (record != nullptr) record->is_closing = true;
      break;
    default:
      break;
  }
  if (!is_end(entry.event)) return;
  event.cause = static_cast<std::uint16_t>(entry.value);
  event.length = entry.length;
  if (entry.length > 0) {
    event.data = lane.receive_arena + std::size_t{entry.offset} * ipc::kSlotUnit;
  }
  if (record != nullptr) lane.associations.leave(*record);
}

}  // namespace millrace::api
