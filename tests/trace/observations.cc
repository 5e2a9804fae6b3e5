// The lines of a trace that look at events, counters and states.
#include <cstdlib>

#include "tests/trace/packet_writer.h"
#include "tests/trace/player.h"

namespace millrace::trace {
namespace {

using test::End;

std::string reason_name(DownReason reason) {
  constexpr const char* kNames[] = {
      "none",        "shutdown", "aborted_by_peer", "aborted_locally", "unreachable",
      "init_failed", "refused",  "protocol_error",  "resources"};
  return kNames[static_cast<std::size_t>(reason)];
}

std::string state_text(PathState state) {
  constexpr const char* kNames[] = {"active", "inactive", "confirmed", "unconfirmed",
                                    "potentially_failed"};
  return kNames[static_cast<std::size_t>(state)];
}

Field told(const char* name, std::uint64_t value) {
  return {name, std::to_string(value), true};
}

Fields describe(const test::Told& event) {
  switch (event.type) {
    case EventType::kMessage:
      return {told("sid", event.event.stream),
              told("ssn", event.event.ssn.value),
              told("ppid", event.event.ppid),
              told("len", event.payload.size()),
              {"data", '"' + event.payload + '"', true},
              told("unordered", event.event.flags & kUnordered ? 1 : 0),
              told("first", event.event.flags & kFirstPiece ? 1 : 0),
              told("last", event.event.flags & kLastPiece ? 1 : 0)};
    case EventType::kSendFailed:
      return {told("sid", event.event.stream), told("len", event.event.length),
              told("error", event.event.error), told("sent", event.event.flags & kWasSent ? 1 : 0)};
    case EventType::kDown:
      return {{"reason", reason_name(event.event.reason), true},
              told("error", event.event.error),
              {"abort", to_hex({event.payload.begin(), event.payload.end()}), true}};
    case EventType::kPathState:
      return {{"addr", event.event.peer.address.to_string(), true},
              {"state", state_text(event.event.path_state), true}};
    default:
      return {told("os", event.event.streams_out), told("is", event.event.streams_in),
              told("context", event.context)};
  }
}

EventType event_type(const std::string& name) {
  constexpr const char* kNames[] = {"up",          "down", "restart",       "message",
                                    "send_failed", "path", "peer_shutdown", "dry",
                                    "remote_error"};
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    if (name == kNames[i]) return static_cast<EventType>(i);
  }
  throw Failure("`" + name + "` is no event");
}

Counter counter_of(const std::string& name) {
  for (std::size_t i = 0; i < kCounters; ++i) {
    if (counter_name(static_cast<Counter>(i)) == name) return static_cast<Counter>(i);
  }
  throw Failure("`" + name + "` is no counter");
}

}  // namespace

void Player::expect_fields(const Fields& wanted, const Fields& got) const {
  for (const Field& field : wanted) {
    const Field* have = find_field(got, field.name);
    if (have == nullptr) throw Failure("`" + field.name + "` is not known here");
    const std::size_t dots = field.value.find("..");
    if (dots != std::string::npos) {
      const double value = std::strtod(have->value.c_str(), nullptr);
      if (value >= std::strtod(field.value.c_str(), nullptr) &&
          value <= std::strtod(field.value.c_str() + dots + 2, nullptr)) {
        continue;
      }
    } else if (have->value == field.value) {
      continue;
    }
    throw Failure("expected " + field.name + "=" + field.value + ", got " + have->value);
  }
}

// `event NAME(...)` is the next of its kind, whatever came before it; `events none`: no more came.
void Player::command_event(const Line& line) {
  if (line.command == "events") {
    if (events_seen_ == end_->told.size()) return;
    throw Failure("expected no events, and " + std::to_string(end_->told.size() - events_seen_) +
                  " came");
  }
  const EventType type = event_type(line.fields.at(0).name);
  while (events_seen_ < end_->told.size() && end_->told[events_seen_].type != type) {
    ++events_seen_;
  }
  if (events_seen_ == end_->told.size()) throw Failure("it did not come");
  Fields wanted(line.fields.begin() + 1, line.fields.end());
  expect_fields(wanted, describe(end_->told[events_seen_++]));
}

// `counter NAME +2`: since the script began, or since this counter was looked at last.
void Player::command_counter(const Line& line) {
  const std::string name = line.fields.at(0).name;
  const std::uint64_t total = end_->count(counter_of(name));
  const std::uint64_t grown = total - counted_[name];
  counted_[name] = total;
  if (grown != symbols_.number(line.fields.at(1).name)) {
    throw Failure("expected " + name + " " + line.fields[1].name + ", got +" +
                  std::to_string(grown));
  }
}

void Player::command_path(const Line& line) {
  AssociationStatus status;
  expect_status({}, end_->shard().status(End::kOwner, handle_, status));
  const IpAddress address = parse_address(line.fields.at(0).name);
  for (std::size_t i = 0; i < status.path_count; ++i) {
    const PathStatus& path = status.paths[i];
    if (path.address != address) continue;
    const auto number = [](Duration span) { return std::to_string(span.ns / 1'000'000); };
    return expect_fields({line.fields.begin() + 1, line.fields.end()},
                         {told("active", path.active),
                          told("confirmed", path.confirmed),
                          told("primary", path.primary),
                          told("cwnd", path.cwnd),
                          told("ssthresh", path.ssthresh),
                          told("flight", path.outstanding),
                          told("mtu", path.mtu),
                          told("errors", path.error_count),
                          {"rto_ms", number(path.rto), true},
                          {"srtt_ms", number(path.srtt), true}});
  }
  throw Failure("there is no such path");
}

void Player::command_assoc(const Line& line) {
  AssociationStatus status;
  expect_status({}, end_->shard().status(End::kOwner, handle_, status));
  expect_fields(line.fields,
                {told("os", status.streams_out), told("is", status.streams_in),
                 told("peer_rwnd", status.peer_rwnd), told("rwnd", status.a_rwnd),
                 told("unacked", status.unacked_chunks), told("queued", status.queued_messages),
                 told("held", status.held_bytes), told("paths", status.path_count),
                 told("retransmissions", status.retransmissions)});
}

void Player::command_symbol(const Line& line) {
  for (const Field& field : line.fields) {
    if (line.command == "save")
      symbols_.save(field.name);
    else if (line.command == "restore")
      symbols_.restore(field.name);
    else if (field.value[0] == '"')
      symbols_.set(field.name, symbols_.bytes(field.value));
    else
      symbols_.set(field.name, symbols_.number(field.value));
  }
}

}  // namespace millrace::trace
