#include "tests/trace/player.h"

#include <cstdio>

#include "tests/trace/packet_matcher.h"
#include "tests/trace/packet_writer.h"

namespace millrace::trace {
namespace {

constexpr std::uint16_t kPeerPort = 7000;
constexpr std::uint16_t kOurPort = 3868;
constexpr Time kStart = Time{} + seconds(10);
// The timing wheel turns by 2^20 ns: what it calls is late by less than two of them.
constexpr Duration kLate = nanoseconds(2 << 20);
constexpr std::size_t kHistory = 12;
constexpr std::size_t kBuffers = 8192;

std::string stamp(Time at) {
  char text[32];
  std::snprintf(text, sizeof text, "%9.3f ", static_cast<double>((at - kStart).ns) / 1e9);
  return text;
}

std::string event_name(EventType type) {
  switch (type) {
    case EventType::kUp:
      return "up";
    case EventType::kDown:
      return "down";
    case EventType::kRestart:
      return "restart";
    case EventType::kMessage:
      return "message";
    case EventType::kSendFailed:
      return "send_failed";
    case EventType::kPathState:
      return "path";
    case EventType::kPeerShutdown:
      return "peer_shutdown";
    case EventType::kSenderDry:
      return "dry";
    case EventType::kRemoteError:
      return "remote_error";
  }
  return "?";
}

}  // namespace

Player::Player(std::function<void(const std::string&)> tell)
    : tell_(std::move(tell)), locals_{test::address("10.0.0.1"), test::address("10.0.1.1")} {
  config_.limits.associations = 64;
  config_.limits.owners = 4;
  config_.seed = {77, 78};
  // Paths as in RFC 9260 alone; traces of RFC 7829 and RFC 8899 turn that on.
  config_.parameters.potentially_failed_max_retrans = UINT8_MAX;
  config_.parameters.path_mtu_probing = false;
  symbols_.set("peer", 0);
  symbols_.set(kOurTsn, 1);
  symbols_.set(kPeerTsn, 1);
  peers_ = {test::address("10.0.0.9")};
}

Player::~Player() = default;

void Player::start() {
  if (end_ == nullptr) end_ = std::make_unique<test::End>(config_, locals_, kBuffers);
}

void Player::note(const std::string& what) {
  history_.push_back(stamp(now_) + what);
  if (history_.size() > kHistory) history_.pop_front();
  if (tell_) tell_(history_.back());
}

// ---- time ----

void Player::collect() {
  end_->take_events(now_);
  for (; events_noted_ < end_->told.size(); ++events_noted_) {
    const test::Told& told = end_->told[events_noted_];
    if (told.type == EventType::kUp) handle_ = told.handle;
    note("  event " + event_name(told.type));
  }
  PacketOut out;
  while (end_->shard().next_packet(now_, out)) {
    const Bytes bytes = out.buffer->bytes();
    sent_.push_back(
        {now_, out.source, out.destination, out.fragment_above, {bytes.begin(), bytes.end()}});
    note("> to " + out.destination.to_string() + " " + render_packet(bytes));
    end_->buffers().release(out.buffer);
  }
}

void Player::run_until(Time until, bool stops_at_packet) {
  while (!(stops_at_packet && !sent_.empty()) && end_->shard().next_deadline() <= until) {
    now_ = std::max(now_, end_->shard().next_deadline());
    end_->shard().on_deadline(now_);
    collect();
  }
  if (!(stops_at_packet && !sent_.empty())) now_ = std::max(now_, until);
}

void Player::expect_silence() const {
  if (sent_.empty()) return;
  throw Failure("an unexpected packet at" + stamp(sent_.front().at) +
                render_packet(sent_.front().bytes));
}

// Moves time on to where a line that is no expectation happens: nothing may be sent before.
void Player::run_to(const Line& line) {
  expect_silence();
  if (line.when) {
    const Time at = (line.when->absolute ? kStart : last_) + line.when->from;
    if (at < now_ && at + kLate < now_) throw Failure("its time has passed");
    run_until(at, true);
    expect_silence();
  }
  last_ = now_;
}

// ---- lines ----

void Player::expect(const Line& line) {
  start();
  const Time base = line.when && line.when->absolute ? kStart : last_;
  const Time from = line.when ? base + line.when->from : last_;
  const Time to = (line.when ? base + line.when->to : last_) + kLate;
  run_until(to, true);
  if (sent_.empty()) throw Failure("expected a packet, and nothing was sent by" + stamp(to));
  const Sent packet = sent_.front();
  sent_.pop_front();
  const std::string got = "\n  got      " + stamp(packet.at) + render_packet(packet.bytes);
  if (packet.at + kLate < from || packet.at > to) {
    throw Failure("expected it at" + stamp(from) + "and it came at" + stamp(packet.at) + got);
  }
  if (const auto differs = mismatch(symbols_, line, packet.bytes)) throw Failure(*differs + got);
  const auto check_address = [&](const char* name, const IpAddress& address) {
    const Field* field = find_field(line.fields, name);
    if (field != nullptr && parse_address(field->value) != address) {
      throw Failure(std::string("expected ") + name + "=" + field->value + ", got " +
                    address.to_string() + got);
    }
  };
  check_address("to", packet.destination);
  check_address("from", packet.source);
  const Field* fragments = find_field(line.fields, "fragment_above");
  if (fragments != nullptr && symbols_.number(fragments->value) != packet.fragment_above) {
    throw Failure("expected fragment_above=" + fragments->value + ", got " +
                  std::to_string(packet.fragment_above) + got);
  }
  last_ = packet.at;
}

void Player::inject(const Line& line) {
  start();
  run_to(line);
  const Field* from = find_field(line.fields, "from");
  const Field* to = find_field(line.fields, "to");
  const Field* tag = find_field(line.fields, "tag");
  const Field* source_port = find_field(line.fields, "sport");
  const Field* port = find_field(line.fields, "port");
  const bool is_init = !line.chunks.empty() && line.chunks[0].name == "INIT";
  const std::uint32_t to_tag = tag != nullptr ? symbols_.number(tag->value)
                               : is_init      ? 0
                                              : symbols_.get("us").number;
  const auto port_of = [&](const Field* field, std::uint16_t otherwise) {
    return field != nullptr ? static_cast<std::uint16_t>(symbols_.number(field->value)) : otherwise;
  };
  Octets packet = write_packet(symbols_, line.chunks, port_of(source_port, kPeerPort),
                               port_of(port, kOurPort), to_tag);
  if (const Field* cut = find_field(line.fields, "cut")) {
    packet.resize(packet.size() - symbols_.number(cut->value));
  }
  note("< " + render_packet(packet));
  Buffer* buffer = end_->buffers().acquire();
  if (buffer == nullptr || packet.size() > kMtuMax) throw Failure("no buffer for the packet");
  std::copy(packet.begin(), packet.end(), buffer->data);
  buffer->length = static_cast<std::uint32_t>(packet.size());
  end_->shard().on_packet(
      now_, buffer, from != nullptr ? parse_address(from->value) : peers_.front(),
      to != nullptr ? parse_address(to->value) : locals_.front(), buffer->bytes());
  collect();
}

void Player::play_line(const Line& line) {
  switch (line.kind) {
    case Line::Kind::kInject:
      return inject(line);
    case Line::Kind::kExpect:
      return expect(line);
    case Line::Kind::kCommand:
      return command(line);
  }
}

void Player::play(const std::vector<Line>& lines) {
  for (const Line& line : lines) {
    try {
      play_line(line);
    } catch (const Failure& failure) {
      throw Failure(std::to_string(line.number) + ": " + failure.what() + "\n  expected " +
                    line.text);
    }
  }
  const std::size_t last = lines.empty() ? 0 : lines.back().number;
  try {
    finish();
  } catch (const Failure& failure) {
    throw Failure(std::to_string(last) + ": at the end: " + failure.what());
  }
}

void Player::play_text(const std::string& text) {
  for (const Line& line : parse_script(text)) play_line(line);
}

// Every trace ends with this: nothing more is sent, and all memory comes back.
void Player::finish() {
  start();
  expect_silence();
  end_->shard().drop_owner(now_, test::End::kOwner, false);
  collect();
  // What was shutting down has its time for that.
  run_until(now_ + seconds(3600), false);
  if (end_->shard().associations() != 0) throw Failure("an association is left");
  if (end_->shard().owned(test::End::kOwner) != 0) throw Failure("a payload is left");
  if (!end_->has_all_buffers()) throw Failure("a packet buffer is left");
}

std::optional<std::string> play(const std::string& name, const std::string& text,
                                std::function<void(const std::string&)> tell) {
  Player player(std::move(tell));
  try {
    player.play(parse_script(text));
    return std::nullopt;
  } catch (const std::exception& failure) {
    std::string report = name + ":" + failure.what() + "\n  the last packets and events:";
    for (const std::string& line : player.history()) report += "\n  " + line;
    return report;
  }
}

}  // namespace millrace::trace
