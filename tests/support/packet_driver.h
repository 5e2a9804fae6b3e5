// Drives a shard with an association from any bytes: packets that a peer might send, or might not,
// calls of an application, and time. What the bytes say decides; tags and TSNs are made right often
// enough to get past the first checks.
#pragma once

#include "tests/support/raw_peer.h"

namespace millrace::test {

class PacketDriver {
 public:
  explicit PacketDriver(Bytes bytes) : rest_(bytes), peer_(parameters()) {
    handle_ = peer_.associate();
  }

  /// Does what the bytes say, ends everything, and tells whether all memory came back.
  bool run() {
    while (!rest_.empty()) {
      step();
      forget();
    }
    peer_.end.shard().drop_owner(peer_.now, End::kOwner, false);
    peer_.collect();
    // What was shut down already goes on with that, until nobody answers any more.
    peer_.run_for(seconds(24 * 3600));
    const bool is_empty = peer_.end.shard().owned(End::kOwner) == 0 &&
                          peer_.end.shard().associations() == 0 && peer_.end.has_all_buffers();
    return is_empty;
  }
  std::uint64_t packets() const { return packets_; }

 private:
  static Parameters parameters() {
    Parameters parameters;
    parameters.receive_buffer = 20000;
    parameters.partial_delivery_point = 3000;
    parameters.heartbeat_interval = seconds(2);
    parameters.association_max_retrans = 20;
    return parameters;
  }

  std::uint8_t next() {
    if (rest_.empty()) return 0;
    const std::uint8_t byte = rest_[0];
    rest_ = rest_.subspan(1);
    return byte;
  }
  Packet take(std::size_t count) {
    const Bytes taken = rest_.first(std::min(count, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return {taken.begin(), taken.end()};
  }

  /// A tag: mostly ours, sometimes another.
  std::uint32_t tag() {
    const std::uint8_t choice = next();
    if (choice < 224) return peer_.end_tag;
    if (choice < 236) return RawPeer::kTag;
    if (choice < 240) return 0;
    return choice;
  }

  /// One chunk: DATA and SACK with numbers that are nearly right, or any bytes under a right head.
  Packet chunk() {
    const std::uint8_t choice = next();
    if (choice < 96) {
      const std::uint8_t flags = next();
      const std::uint32_t tsn = tsn_ + (flags >> 4 & 7) - (flags >> 7);
      if ((flags >> 4) == 0) ++tsn_;
      const std::uint8_t place = next();
      return data_of(tsn, std::string(next() * (place & 1 ? 5u : 1u), 'd'), place >> 5,
                     (place & 16) ? next() : ssn_++, flags & 15);
    }
    if (choice < 144) {
      Packet value = be32(peer_.end_tsn - 1 + acknowledged_ + next() % 8);
      if (choice < 130) acknowledged_ += 1;
      append(value, be32(next() * 200u));
      const std::uint32_t gaps = choice % 4;
      append(value, be16(gaps));
      append(value, be16(0));
      for (std::uint32_t i = 0; i < gaps; ++i) append(value, {0, next(), 0, next()});
      return chunk_of(ChunkType::kSack, 0, value);
    }
    if (choice < 160 && !seen_.empty()) {  // something that the shard has sent itself
      const Packet& packet = seen_[next() % seen_.size()];
      return {packet.begin() + 12, packet.end()};
    }
    const std::uint8_t type = choice < 240 ? choice % 16 : next();
    return chunk_of(static_cast<ChunkType>(type), next() & 1, take(next() % 64));
  }

  void packet() {
    Packet chunks;
    for (std::uint32_t count = 1 + next() % 3; count > 0 && chunks.size() < 1200; --count) {
      append(chunks, chunk());
    }
    if (chunks.size() > 1480) chunks.resize(1480);
    const std::uint32_t to = tag();
    const std::uint8_t damage = next();
    if (damage > 230 && !chunks.empty()) chunks[damage * 7u % chunks.size()] ^= next();
    if (damage > 250) chunks.resize(chunks.size() - std::min<std::size_t>(chunks.size(), next()));
    peer_.send_packet(to, chunks);
    ++packets_;
  }

  void call() {
    Shard& shard = peer_.end.shard();
    switch (next() % 12) {
      case 0:
        shard.shutdown(peer_.now, End::kOwner, handle_);
        break;
      case 1:
        shard.abort(peer_.now, End::kOwner, handle_, {});
        break;
      case 2:
        peer_.end.reads = !peer_.end.reads;
        break;
      case 3:
        shard.consumed(peer_.now, End::kOwner, handle_, next() * 100u);
        break;
      case 4:
        connect();
        break;
      case 5:
        begin_anew();
        break;
      case 6:
        report_icmp();
        break;
      default:
        peer_.end.send(peer_.now, handle_, std::string(1 + next() * 20u, 's'), next() % 12,
                       next() % 2 ? std::uint8_t{kUnordered} : std::uint8_t{0});
    }
    peer_.collect();
  }

  void connect() {
    const IpAddress to = address("10.0.0.9");
    ConnectRequest request;
    request.owner = End::kOwner;
    request.local_port = RawPeer::kEndPort;
    request.peer_port = RawPeer::kPort;
    request.peers = {&to, 1};
    AssociationHandle handle;
    if (peer_.end.shard().connect(peer_.now, request, handle) == Status::kOk) handle_ = handle;
  }

  /// INIT and COOKIE ECHO, as a peer that has restarted or that comes back.
  void begin_anew() {
    const Packet echo = peer_.ask_for_cookie(RawPeer::kTag + next() % 3);
    if (echo.empty()) return;
    peer_.send({echo});
    tsn_ = RawPeer::kTsn;
    ssn_ = 0;
    acknowledged_ = 0;
    if (!peer_.end.told.empty()) handle_ = peer_.end.told.back().handle;
  }

  void report_icmp() {
    IcmpReport report;
    report.kind = static_cast<IcmpReport::Kind>(next() % 4);
    report.mtu = static_cast<std::uint16_t>(next() * 8u);
    report.peer = address("10.0.0.9");
    Packet quoted = be16(RawPeer::kEndPort);
    append(quoted, be16(RawPeer::kPort));
    append(quoted, be32(next() < 200 ? RawPeer::kTag : next()));
    append(quoted, take(next() % 24));
    report.quoted = quoted;
    peer_.end.shard().on_icmp(peer_.now, report);
  }

  void step() {
    const std::uint8_t choice = next();
    if (choice < 180) return packet();
    if (choice < 220) return call();
    peer_.run_for(microseconds(1 << (choice % 24)));
  }

  /// Keeps a little of what was sent, to be sent back; the rest would only fill memory.
  void forget() {
    for (Packet& reply : peer_.replies) {
      if (seen_.size() < 8) {
        seen_.push_back(std::move(reply));
      } else {
        seen_[packets_ % 8] = std::move(reply);
      }
    }
    peer_.forget();
    peer_.end.told.clear();
  }

  Bytes rest_;
  RawPeer peer_;
  AssociationHandle handle_;
  std::vector<Packet> seen_;
  std::uint32_t tsn_ = RawPeer::kTsn;
  std::uint16_t ssn_ = 0;
  std::uint32_t acknowledged_ = 0;
  std::uint64_t packets_ = 0;
};

}  // namespace millrace::test
