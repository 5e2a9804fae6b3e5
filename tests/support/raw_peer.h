// A peer made by hand: it sends one shard the packets that a test writes down, and sees what comes
// back.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "engine/wire/chunks.h"
#include "engine/wire/parameter.h"
#include "tests/support/shard_pair.h"

namespace millrace::test {

using Packet = std::vector<std::uint8_t>;

inline void append(Packet& to, const Packet& bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}
inline Packet be16(std::uint32_t value) {
  return {static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
}
inline Packet be32(std::uint32_t value) {
  Packet bytes = be16(value >> 16);
  append(bytes, be16(value & 0xffff));
  return bytes;
}

/// Chunk, parameter and cause are all a head of four bytes, a value and padding.
inline Packet padded(Packet bytes) {
  while (bytes.size() % 4 != 0) bytes.push_back(0);
  return bytes;
}
inline Packet chunk_of(ChunkType type, std::uint8_t flags = 0, const Packet& value = {}) {
  Packet bytes{static_cast<std::uint8_t>(type), flags};
  append(bytes, be16(static_cast<std::uint32_t>(4 + value.size())));
  append(bytes, value);
  return padded(bytes);
}
inline Packet tlv_of(std::uint16_t type, const Packet& value = {}) {
  Packet bytes = be16(type);
  append(bytes, be16(static_cast<std::uint32_t>(4 + value.size())));
  append(bytes, value);
  return padded(bytes);
}
inline Packet data_of(std::uint32_t tsn, const std::string& text, std::uint16_t stream = 0,
                      std::uint16_t ssn = 0, std::uint8_t flags = kDataFlagBegin | kDataFlagEnd) {
  Packet value = be32(tsn);
  append(value, be16(stream));
  append(value, be16(ssn));
  append(value, be32(46));
  append(value, {text.begin(), text.end()});
  return chunk_of(ChunkType::kData, flags, value);
}
inline Packet sack_of(std::uint32_t cumulative, std::uint32_t rwnd = 65536) {
  Packet value = be32(cumulative);
  append(value, be32(rwnd));
  append(value, be32(0));
  return chunk_of(ChunkType::kSack, 0, value);
}

class RawPeer {
 public:
  static constexpr std::uint16_t kPort = 7000;
  static constexpr std::uint16_t kEndPort = 3868;
  static constexpr std::uint32_t kTag = 0x11223344;
  static constexpr std::uint32_t kTsn = 5000;

  explicit RawPeer(const Parameters& parameters = {}, IpAddress own = address("10.0.0.9"),
                   const ShardLimits& limits = small_limits(), std::uint32_t generations_before = 0)
      : end(config(parameters, limits, generations_before),
            {address("10.0.0.1"), address("10.0.1.1")}, kBuffers),
        own_address(own) {}

  static ShardLimits small_limits() {
    ShardLimits limits;
    limits.associations = 64;
    limits.owners = 4;
    return limits;
  }

  /// The packet, with the checksum that is not looked at here. Answers are kept.
  void send_packet(std::uint32_t tag, const Packet& chunks) { send_from(own_address, tag, chunks); }
  void send_from(const IpAddress& source, std::uint32_t tag, const Packet& chunks) {
    Packet packet = be16(kPort);
    append(packet, be16(kEndPort));
    append(packet, be32(tag));
    append(packet, be32(0));
    append(packet, chunks);
    inject(source, packet);
  }
  /// With the shard's tag for us.
  void send(std::initializer_list<Packet> chunks) {
    Packet all;
    for (const Packet& chunk : chunks) append(all, chunk);
    send_packet(end_tag, all);
  }
  void inject(const IpAddress& source, const Packet& packet) {
    Buffer* buffer = end.buffers().acquire();
    if (buffer == nullptr) return;
    std::copy(packet.begin(), packet.end(), buffer->data);
    buffer->length = static_cast<std::uint32_t>(packet.size());
    end.shard().on_packet(now, buffer, source, end.addresses()[0], buffer->bytes());
    collect();
  }
  void run_for(Duration span) {
    const Time until = now + span;
    while (end.shard().next_deadline() <= until) {
      now = std::max(now, end.shard().next_deadline());
      end.shard().on_deadline(now);
      collect();
    }
    now = until;
  }
  /// Takes packets and events off the shard.
  void collect() {
    if (takes_events) end.take_events(now);
    PacketOut out;
    while (end.shard().next_packet(now, out)) {
      const Bytes bytes = out.buffer->bytes();
      replies.push_back({bytes.begin(), bytes.end()});
      sources.push_back(out.source);
      destinations.push_back(out.destination);
      fragment_above.push_back(out.fragment_above);
      markings.push_back(out.marking);
      end.buffers().release(out.buffer);
    }
  }

  // ---- what came back ----

  /// All replies since the last call, as text, joined by "; ". Ports are left out.
  std::string take() {
    std::string text;
    for (const Packet& reply : replies) {
      const std::string line = render_packet(reply);
      text += (text.empty() ? "" : "; ") + line.substr(line.find("tag="));
    }
    forget();
    return text;
  }
  void forget() {
    replies.clear();
    sources.clear();
    destinations.clear();
    fragment_above.clear();
    markings.clear();
  }
  /// The first chunk of the last reply.
  ChunkView last_chunk() const {
    ChunkReader reader(replies.back());
    return reader.next().value();
  }
  std::uint32_t last_tag() const { return CommonHeader::read(replies.back()).verification_tag; }

  // ---- handshake ----

  static Packet init_of(ChunkType type, std::uint32_t tag, const Packet& parameters = {},
                        std::uint16_t streams_out = 10, std::uint16_t streams_in = 10) {
    Packet value = be32(tag);
    append(value, be32(100000));
    append(value, be16(streams_out));
    append(value, be16(streams_in));
    append(value, be32(kTsn));
    append(value, parameters);
    return chunk_of(type, 0, value);
  }
  void listen(Owner owner = End::kOwner) { end.shard().listen({.owner = owner, .port = kEndPort}); }

  /// INIT; returns the COOKIE ECHO chunk for the answer, whose tag it remembers.
  Packet ask_for_cookie(std::uint32_t tag = kTag, const Packet& parameters = {}) {
    forget();
    send_packet(0, init_of(ChunkType::kInit, tag, parameters, streams, streams));
    if (replies.empty() || last_chunk().type() != ChunkType::kInitAck) return {};
    const InitView init = InitView::parse(last_chunk()).value();
    end_tag = init.initiate_tag;
    end_tsn = init.initial_tsn.value;
    TlvReader reader(init.parameters);
    Packet cookie;
    while (const auto parameter = reader.next()) {
      if (parameter->type() == static_cast<std::uint16_t>(ParameterType::kStateCookie)) {
        cookie.assign(parameter->value().begin(), parameter->value().end());
      }
    }
    forget();
    return chunk_of(ChunkType::kCookieEcho, 0, cookie);
  }
  /// The whole handshake, from our side to a listener.
  AssociationHandle associate() {
    listen();
    send({ask_for_cookie()});
    take();
    return end.told.back().handle;
  }
  std::string state(AssociationHandle handle) {
    AssociationStatus status;
    if (end.shard().status(End::kOwner, handle, status) != Status::kOk) return "gone";
    return status.state;
  }

  End end;
  IpAddress own_address;       ///< where our packets come from
  std::uint16_t streams = 10;  ///< that we offer and ask for
  Time now = Time{} + seconds(10);
  bool takes_events = true;  ///< off: an application that does not look at its ring
  std::vector<Packet> replies;
  std::vector<IpAddress> sources;             ///< of the replies; unspecified: as the route says
  std::vector<IpAddress> destinations;        ///< likewise
  std::vector<std::uint16_t> fragment_above;  ///< as they were sent with
  std::vector<Marking> markings;              ///< likewise
  std::uint32_t end_tag = 0;                  ///< what we put into our packets
  std::uint32_t end_tsn = 0;                  ///< its initial TSN

 private:
  static constexpr std::size_t kBuffers = 1024;

  static Shard::Config config(const Parameters& parameters, const ShardLimits& limits,
                              std::uint32_t generations_before) {
    Shard::Config config;
    config.parameters = parameters;
    config.limits = limits;
    config.generations_before = generations_before;
    config.seed = {77, 78};
    return config;
  }
};

}  // namespace millrace::test
