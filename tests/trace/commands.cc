// The lines of a trace that do something and are no packets: configuration, calls of an
// application, ICMP.
#include <algorithm>
#include <cstdlib>
#include <set>

#include "tests/trace/packet_writer.h"
#include "tests/trace/player.h"

namespace millrace::trace {
namespace {

constexpr std::uint16_t kPeerPort = 7000;
constexpr std::uint16_t kOurPort = 3868;
using test::End;

const char* status_name(Status status) {
  switch (status) {
    case Status::kOk:
      return "ok";
    case Status::kNoAssociation:
      return "no_association";
    case Status::kBadArgument:
      return "bad_argument";
    case Status::kBadStream:
      return "bad_stream";
    case Status::kMessageTooLong:
      return "message_too_long";
    case Status::kShuttingDown:
      return "shutting_down";
    case Status::kBufferFull:
      return "buffer_full";
    case Status::kPortInUse:
      return "port_in_use";
    case Status::kNoPort:
      return "no_port";
    case Status::kNoMemory:
      return "no_memory";
    case Status::kOverShare:
      return "over_share";
    case Status::kDuplicate:
      return "duplicate";
    case Status::kNoRoute:
      return "no_route";
    case Status::kNoAddress:
      return "no_address";
  }
  return "?";
}

void set_parameter(Parameters& parameters, const Field& field) {
  const auto number = static_cast<std::uint32_t>(std::strtoul(field.value.c_str(), nullptr, 10));
  const auto half = static_cast<std::uint16_t>(number);
  const auto byte = static_cast<std::uint8_t>(number);
  const std::string& name = field.name;
  if (name == "rto_initial")
    parameters.rto_initial = parse_seconds(field.value);
  else if (name == "rto_min")
    parameters.rto_min = parse_seconds(field.value);
  else if (name == "rto_max")
    parameters.rto_max = parse_seconds(field.value);
  else if (name == "sack_delay")
    parameters.sack_delay = parse_seconds(field.value);
  else if (name == "heartbeat_interval")
    parameters.heartbeat_interval = parse_seconds(field.value);
  else if (name == "cookie_lifetime")
    parameters.cookie_lifetime = parse_seconds(field.value);
  else if (name == "receive_buffer")
    parameters.receive_buffer = number;
  else if (name == "send_buffer")
    parameters.send_buffer = number;
  else if (name == "partial_delivery_point")
    parameters.partial_delivery_point = number;
  else if (name == "streams_out")
    parameters.streams_out = half;
  else if (name == "streams_in")
    parameters.streams_in = half;
  else if (name == "path_mtu")
    parameters.path_mtu = half;
  else if (name == "association_max_retrans")
    parameters.association_max_retrans = byte;
  else if (name == "path_max_retrans")
    parameters.path_max_retrans = byte;
  else if (name == "primary_switchover_max_retrans")
    parameters.primary_switchover_max_retrans = byte;
  else if (name == "potentially_failed_max_retrans")
    parameters.potentially_failed_max_retrans = byte;
  else if (name == "init_max_retrans")
    parameters.init_max_retrans = byte;
  else if (name == "sack_frequency")
    parameters.sack_frequency = byte;
  else if (name == "sender_dry_events")
    parameters.sender_dry_events = number != 0;
  else if (name == "remote_error_events")
    parameters.remote_error_events = number != 0;
  else if (name == "path_mtu_probing")
    parameters.path_mtu_probing = number != 0;
  else if (name == "max_burst")
    parameters.max_burst = byte;
  else if (name == "dscp")
    parameters.marking.dscp = byte;
  else if (name == "hop_limit")
    parameters.marking.hops = byte;
  else
    throw Failure("`" + name + "` is no parameter");
}

std::vector<IpAddress> addresses_of(const std::string& text) {
  std::vector<IpAddress> addresses;
  for (const std::string& one : split(text, ',')) addresses.push_back(parse_address(one));
  return addresses;
}

// A look at what is, without a time: packets that are expected later may be there already.
bool is_glance(const Line& line) {
  static const std::set<std::string> kGlances{"event",        "events", "counter", "path",
                                              "assoc",        "set",    "save",    "restore",
                                              "associations", "state"};
  return !line.when && kGlances.contains(line.command);
}

}  // namespace

void Player::command(const Line& line) {
  static const std::map<std::string, void (Player::*)(const Line&)> kCommands{
      {"config", &Player::command_config},
      {"limits", &Player::command_limits},
      {"listen", &Player::command_listen},
      {"connect", &Player::command_connect},
      {"established", &Player::command_established},
      {"send", &Player::command_send},
      {"parameter", &Player::command_parameter},
      {"icmp", &Player::command_icmp},
      {"event", &Player::command_event},
      {"events", &Player::command_event},
      {"counter", &Player::command_counter},
      {"path", &Player::command_path},
      {"assoc", &Player::command_assoc},
      {"set", &Player::command_symbol},
      {"save", &Player::command_symbol},
      {"restore", &Player::command_symbol}};
  const auto found = kCommands.find(line.command);
  if (found == kCommands.end()) return command_call(line);
  if (line.command != "config" && line.command != "limits") {
    start();
    if (!is_glance(line)) run_to(line);
  }
  (this->*found->second)(line);
}

void Player::expect_status(const Line& line, Status got) const {
  const std::string wanted = line.result.empty() ? "ok" : line.result;
  if (wanted != status_name(got)) {
    throw Failure("expected the status " + wanted + ", got " + status_name(got));
  }
}

// ---- set-up ----

void Player::command_config(const Line& line) {
  if (end_ != nullptr) throw Failure("configuration comes first");
  for (const Field& field : line.fields) {
    if (field.name == "local") {
      locals_ = addresses_of(field.value);
    } else {
      set_parameter(config_.parameters, field);
    }
  }
}

void Player::command_limits(const Line& line) {
  for (const Field& field : line.fields) {
    const std::size_t value = symbols_.number(field.value);
    if (field.name == "associations")
      config_.limits.associations = value;
    else if (field.name == "chunks_held")
      config_.limits.chunks_held = value;
    else if (field.name == "chunks_sent")
      config_.limits.chunks_sent = value;
    else if (field.name == "messages_queued")
      config_.limits.messages_queued = value;
    else if (field.name == "buffers_held")
      config_.limits.buffers_held = value;
    else if (field.name == "associations_per_peer")
      config_.limits.associations_per_peer = static_cast<std::uint32_t>(value);
    else if (field.name == "chunks_held_per_association")
      config_.limits.chunks_held_per_association = value;
    else if (field.name == "abort_rate")
      config_.limits.out_of_the_blue_answers = static_cast<std::uint32_t>(value);
    else if (field.name == "half_open_rate")
      config_.limits.inits.half_open = static_cast<std::uint32_t>(value);
    else if (field.name == "init_rate")
      config_.limits.inits.in_all = static_cast<std::uint32_t>(value);
    else if (field.name == "init_rate_per_listener")
      config_.limits.inits.to_one_listener = static_cast<std::uint32_t>(value);
    else if (field.name == "init_rate_per_source")
      config_.limits.inits.from_one_source = static_cast<std::uint32_t>(value);
    else
      throw Failure("`" + field.name + "` is no limit");
  }
}

std::uint64_t Player::context_of(const Line& line) {
  const Field* field = find_field(line.fields, "context");
  return field != nullptr ? symbols_.number(field->value) : 0;
}

void Player::command_listen(const Line& line) {
  ListenRequest request;
  request.owner = End::kOwner;
  request.port = kOurPort;
  std::vector<IpAddress> addresses;
  if (const Field* field = find_field(line.fields, "addr")) addresses = addresses_of(field->value);
  request.addresses = addresses;
  request.context = context_of(line);
  request.is_shared = find_field(line.fields, "shared") != nullptr;
  expect_status(line, end_->shard().listen(request));
  listening_ = kOurPort;
}

void Player::command_connect(const Line& line) {
  if (line.fields.empty()) throw Failure("connect to whom?");
  peers_ = addresses_of(line.fields[0].name);
  ConnectRequest request;
  request.owner = End::kOwner;
  request.local_port = kOurPort;
  request.peer_port = kPeerPort;
  request.peers = peers_;
  std::vector<IpAddress> locals;
  if (const Field* field = find_field(line.fields, "local")) locals = addresses_of(field->value);
  request.locals = locals;
  expect_status(line, end_->shard().connect(now_, request, handle_));
  collect();
}

// The whole handshake in one line; whether from our side, and with which addresses and fields.
void Player::command_established(const Line& line) {
  std::string init;
  std::string addresses = "10.0.0.9";
  std::vector<std::string> unconfirmed;
  bool active = false;
  for (const Field& field : line.fields) {
    if (field.name == "active")
      active = true;
    else if (field.name == "peers")
      addresses = field.value;
    else if (field.name == "unconfirmed")
      unconfirmed = split(field.value, ',');
    else
      init += " " + field.name + "=" + field.value;
  }
  peers_ = addresses_of(addresses);
  for (const std::string& peer : split(addresses, ',')) init += " addr=" + peer;
  for (const std::string& peer : unconfirmed) init += " addr=" + peer;
  if (active) {
    play_text("connect " + addresses + "\n> tag=0 INIT\n< INIT_ACK(cookie=\"biscuit\"" + init +
              ")\n> COOKIE_ECHO(cookie=\"biscuit\")\n< COOKIE_ACK");
  } else {
    if (!listening_) play_text("listen");
    play_text("< INIT(" + init + ")\n> INIT_ACK\n< COOKIE_ECHO\n> COOKIE_ACK");
    for (std::size_t i = 1; i < peers_.size(); ++i) {
      const std::string peer = peers_[i].to_string();
      play_text("+0..60 > to=" + peer + " HEARTBEAT\n< from=" + peer + " HEARTBEAT_ACK(info=$hb)");
    }
  }
  events_seen_ = end_->told.size();
}

// ---- calls ----

void Player::command_send(const Line& line) {
  std::uint8_t flags = 0;
  std::uint32_t length = 10;
  std::uint32_t stream = 0;
  std::uint32_t count = 1;
  std::string payload;
  for (const Field& field : line.fields) {
    if (field.name == "unordered")
      flags |= kUnordered;
    else if (field.name == "immediately")
      flags |= kSackImmediately;
    else if (field.name == "len")
      length = symbols_.number(field.value);
    else if (field.name == "sid")
      stream = symbols_.number(field.value);
    else if (field.name == "count")
      count = symbols_.number(field.value);
    else if (field.name == "data") {
      const Octets bytes = symbols_.bytes(field.value);
      payload.assign(bytes.begin(), bytes.end());
      length = static_cast<std::uint32_t>(payload.size());
    } else
      throw Failure("`" + field.name + "` is nothing to send");
  }
  if (payload.empty()) payload.assign(length, 's');
  for (std::uint32_t i = 0; i < count; ++i) {
    expect_status(line,
                  end_->send(now_, handle_, payload, static_cast<std::uint16_t>(stream), flags));
  }
  collect();
}

void Player::command_call(const Line& line) {
  start();
  if (!is_glance(line)) run_to(line);
  Shard& shard = end_->shard();
  const std::string word = line.fields.empty() ? "" : line.fields[0].name;
  if (line.command == "shutdown") {
    expect_status(line, shard.shutdown(now_, End::kOwner, handle_));
  } else if (line.command == "abort") {
    const Octets reason = symbols_.bytes(word);
    expect_status(line, shard.abort(now_, End::kOwner, handle_, reason));
  } else if (line.command == "primary") {
    expect_status(line, shard.set_primary(now_, End::kOwner, handle_, parse_address(word)));
  } else if (line.command == "unlisten") {
    expect_status(line, shard.unlisten(End::kOwner, kOurPort, context_of(line)));
    listening_.reset();
  } else if (line.command == "read") {
    end_->reads = word == "on";
  } else if (line.command == "consume") {
    expect_status(line, shard.consumed(now_, End::kOwner, handle_, symbols_.number(word)));
  } else if (line.command == "drop") {
    shard.drop_owner(now_, End::kOwner, word == "gracefully");
  } else if (line.command == "state") {
    AssociationStatus status;
    const bool there = shard.status(End::kOwner, handle_, status) == Status::kOk;
    const std::string state = there ? status.state : "gone";
    if (state != word) throw Failure("expected the state " + word + ", got " + state);
  } else if (line.command == "associations") {
    if (shard.associations() != symbols_.number(word)) {
      throw Failure("expected " + word + ", got " + std::to_string(shard.associations()));
    }
  } else if (line.command != "silence") {
    throw Failure("`" + line.command + "` is no command");
  }
  collect();
}

void Player::command_parameter(const Line& line) {
  Parameters parameters;
  IpAddress peer;  // unspecified: of all paths
  if (const Field* field = find_field(line.fields, "addr")) peer = parse_address(field->value);
  expect_status({}, end_->shard().parameters(End::kOwner, handle_, parameters, peer));
  for (const Field& field : line.fields) {
    if (field.name != "addr") set_parameter(parameters, field);
  }
  expect_status(line, end_->shard().set_parameters(now_, End::kOwner, handle_, parameters, peer));
}

// What a router or a host says about a packet of ours to `peer` with the tag `tag`.
void Player::command_icmp(const Line& line) {
  const auto value = [&](const char* name, const std::string& otherwise) {
    const Field* field = find_field(line.fields, name);
    return field != nullptr ? field->value : otherwise;
  };
  using Kind = IcmpReport::Kind;
  const std::map<std::string, Kind> kinds{{"too_big", Kind::kPacketTooBig},
                                          {"protocol_unreachable", Kind::kProtocolUnreachable},
                                          {"unreachable", Kind::kUnreachable},
                                          {"other", Kind::kOther}};
  IcmpReport report;
  report.kind = kinds.at(line.fields.at(0).name);
  report.mtu = static_cast<std::uint16_t>(symbols_.number(value("mtu", "0")));
  report.peer = parse_address(value("peer", peers_.front().to_string()));
  Octets quoted =
      write_packet(symbols_, {}, kOurPort, kPeerPort, symbols_.number(value("tag", "$peer")));
  const Octets more = symbols_.bytes(value("quote", ""));
  quoted.insert(quoted.end(), more.begin(), more.end());
  if (find_field(line.fields, "size") != nullptr) {
    quoted.resize(symbols_.number(value("size", "8")));
  }
  report.quoted = quoted;
  end_->shard().on_icmp(now_, report);
  collect();
}

}  // namespace millrace::trace
