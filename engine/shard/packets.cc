// Which association a packet is for, and what is answered when there is none (RFC 9260 8.4, 8.5).
#include <algorithm>

#include "engine/assoc/replies.h"
#include "engine/shard/shard.h"

namespace millrace {
namespace {

bool has_reflected_tag(const ChunkView& chunk) {
  return (chunk.type() == ChunkType::kAbort || chunk.type() == ChunkType::kShutdownComplete) &&
         (chunk.flags() & kFlagReflectedTag);
}

// Of a packet that belongs to nobody: what would be answered for ever, or is an answer itself.
//= rfc9260 8.4
bool is_never_answered(const ChunkView& chunk) {
  if (chunk.type() == ChunkType::kError) {
    TlvReader causes(chunk.value());
    while (const auto cause = causes.next()) {
      if (cause->type() == static_cast<std::uint16_t>(CauseCode::kStaleCookie)) return true;
    }
    return false;
  }
  return chunk.type() == ChunkType::kAbort || chunk.type() == ChunkType::kShutdownComplete ||
         chunk.type() == ChunkType::kCookieAck;
}

// Whether a quoted packet is one that this association may have sent: it has the peer's tag, or it
// is our INIT with our tag inside.
//= rfc9260 10
bool is_quoted_from(const Identity& identity, std::uint32_t quoted_tag, Bytes quoted) {
  if (quoted_tag != 0) return quoted_tag == identity.peer_tag;
  constexpr std::size_t kInitiateTag = kCommonHeaderBytes + kChunkHeaderBytes;
  return quoted.size() >= kInitiateTag + 4 &&
         quoted[kCommonHeaderBytes] == static_cast<std::uint8_t>(ChunkType::kInit) &&
         load_be32(quoted.data() + kInitiateTag) == identity.local_tag;
}

// A host that is named as the peer's and is not may well answer a heartbeat so: not the peer.
//= rfc9260 8.5.1
bool is_denial(const Slot& slot, const ChunkView& first, const IpAddress& source) {
  return first.type() == ChunkType::kAbort && has_reflected_tag(first) &&
         !slot.association.has_confirmed_peer(source);
}

// An INIT ACK may come from another of the peer's addresses than the INIT went to: it is for the
// attempt at any address that it lists.
//= rfc9260 5.1.2#6
bool is_answer_to(const Association& attempt, const ChunkView& first, const IpAddress& source) {
  if (first.type() != ChunkType::kInitAck || attempt.state() != State::kCookieWait) return false;
  const auto init = InitView::parse(first);
  if (!init) return false;
  const InitContents contents = read_init(*init, source);
  const auto known = contents.addresses();
  return std::any_of(known.begin(), known.end(),
                     [&](const IpAddress& address) { return attempt.has_peer(address); });
}

}  // namespace

// Returns the association that has taken it and is to be settled, if there is one.
Slot* Shard::take_packet(Time now, const PacketIn& in) {
  const auto drop = [this](Counter why) {
    counters_.add(why);
    return nullptr;
  };
  if (in.packet.size() < kCommonHeaderBytes + kChunkHeaderBytes) {
    return drop(Counter::drop_short_packet);
  }
  //= rfc9260 8.4
  if (!in.source.is_unicast() || !in.destination.is_unicast()) {
    return drop(Counter::drop_bad_address);
  }
  const CommonHeader header = CommonHeader::read(in.packet);
  ChunkReader rest(in.packet);
  const auto first = rest.next();
  //= rfc9260 3
  //= rfc9260 3.1
  if (!first || header.source_port == 0 || header.destination_port == 0) {
    return drop(Counter::drop_bad_chunk);
  }
  if (first->type() == ChunkType::kInit || header.verification_tag == 0) {
    //= rfc9260 8.5.1
    //= rfc9260 12.3
    const bool is_alone = first->type() == ChunkType::kInit && rest.is_at_end();
    if (!is_alone || header.verification_tag != 0) return drop(Counter::drop_bad_bundling);
    on_init(now, *first, in);
    return nullptr;
  }
  if (first->type() == ChunkType::kCookieEcho) return on_cookie_echo(now, in, *first, rest);
  Slot* slot = find_for(header, *first, in);
  if (slot == nullptr) {
    on_out_of_the_blue(now, header, in);
    return nullptr;
  }
  if (first->type() == ChunkType::kInitAck && is_anothers(*slot, *first, in)) {
    return drop(Counter::drop_duplicate_association);
  }
  if (is_denial(*slot, *first, in.source)) {
    slot->association.on_denial(now, in.source);
    return slot;
  }
  lend(*slot);
  slot->association.on_packet(now, in, ChunkReader(in.packet));
  return slot;
}

// Whether an INIT ACK names an address of a peer that we have an association with: it belongs to
// that one, which expects none. Its sender is the same peer, reached at another of its addresses.
//= rfc9260 5.1.2
//= rfc9260 5.2.3
bool Shard::is_anothers(const Slot& slot, const ChunkView& init_ack, const PacketIn& in) {
  const auto init = InitView::parse(init_ack);
  if (!init || slot.association.state() != State::kCookieWait) return false;
  const InitContents contents = read_init(*init, in.source);
  const Slot* other = find_by_any_peer(in, contents.addresses(), &slot);
  return other != nullptr && other->association.has_ever_been_up();
}

// A packet to an address of ours that the association is not bound to is not its own.
//= rfc9260 8.5
Slot* Shard::find_for(const CommonHeader& header, const ChunkView& first, const PacketIn& in) {
  if (has_reflected_tag(first)) {
    Slot* slot = find_here_by_peer(header, in.source);
    if (slot == nullptr || slot->association.identity().peer_tag != header.verification_tag ||
        !slot->association.has_local(in.destination)) {
      return nullptr;
    }
    // An ABORT from elsewhere is a denial.
    const bool is_heard =
        first.type() == ChunkType::kAbort || slot->association.has_confirmed_peer(in.source);
    return is_heard ? slot : nullptr;
  }
  const auto index = tags_.find(header.verification_tag);
  if (!index) return nullptr;
  Slot* slot = slots_.at(*index);
  const Identity& identity = slot->association.identity();
  const bool is_between_its_ends = identity.local_port == header.destination_port &&
                                   identity.peer_port == header.source_port &&
                                   slot->association.has_local(in.destination);
  const bool is_its_own =
      is_between_its_ends &&
      (slot->association.has_peer(in.source) || is_answer_to(slot->association, first, in.source));
  return is_its_own ? slot : nullptr;
}

// One that lives on another lcore is not found.
Slot* Shard::find_here_by_peer(const CommonHeader& header, const IpAddress& peer) {
  const auto tag = steering_.find(header.destination_port, peer, header.source_port);
  const auto index = tag ? tags_.find(*tag) : std::nullopt;
  if (!index) return nullptr;
  Slot* slot = slots_.at(*index);
  const Identity& identity = slot->association.identity();
  const bool matches = identity.local_port == header.destination_port &&
                       identity.peer_port == header.source_port && slot->association.has_peer(peer);
  return matches ? slot : nullptr;
}

// The ends are those of an association, on whichever lcore, and the tag is not. That is not out of
// the blue: it is late, of before a restart of the peer's or of ours, and its sender would believe
// an ABORT. A SHUTDOWN ACK has rules of its own (RFC 9260 8.4, 8.5.1): its sender wants to end.
//= rfc9260 8.5
bool Shard::is_of_another_tag(const CommonHeader& header, const IpAddress& source) const {
  const auto tag = steering_.find(header.destination_port, source, header.source_port);
  return tag && *tag != header.verification_tag;
}

// To answer all of a flood would be to take part in it, and nothing depends on an answer to the
// last of them.
//= rfc9260 8.4
void Shard::on_out_of_the_blue(Time now, const CommonHeader& header, const PacketIn& in) {
  const std::uint32_t rate = config_.limits.out_of_the_blue_answers;
  if (rate != 0 && out_of_the_blue_rate_.is_empty(now, rate)) {
    // A flood: what else it might be is not worth looking up, for nothing is answered now.
    counters_.add(Counter::drop_out_of_the_blue);
    return counters_.add(Counter::drop_out_of_the_blue_rate);
  }
  if (steering_.offered_tags().has(now, header.verification_tag)) {
    return counters_.add(Counter::drop_early);
  }
  bool has_shutdown_ack = false, is_answered = true;
  ChunkReader chunks(in.packet);
  while (const auto chunk = chunks.next()) {
    is_answered = is_answered && !is_never_answered(*chunk);
    has_shutdown_ack |= chunk->type() == ChunkType::kShutdownAck;
  }
  if (!has_shutdown_ack && is_of_another_tag(header, in.source)) {
    return counters_.add(Counter::drop_bad_tag);
  }
  counters_.add(Counter::drop_out_of_the_blue);
  if (!is_answered || chunks.is_malformed()) return;
  if (rate != 0) out_of_the_blue_rate_.take(now, rate);
  const CommonHeader reflected = reply_to(header, header.verification_tag);
  if (has_shutdown_ack) {
    return send_empty_chunk(resources_, reflected, ChunkType::kShutdownComplete, kFlagReflectedTag,
                            in.destination, in.source, config_.parameters.marking);
  }
  send_cause(resources_, reflected, ChunkType::kAbort, kFlagReflectedTag, CauseCode::kNone, {},
             in.destination, in.source, config_.parameters.marking);
}

void Shard::refuse(const CommonHeader& header, std::uint32_t tag, CauseCode cause, Bytes value,
                   const PacketIn& in) {
  send_cause(resources_, reply_to(header, tag), ChunkType::kAbort, 0, cause, value, in.destination,
             in.source, config_.parameters.marking);
}

// ---- ICMP ----

//= rfc9260 10
void Shard::on_icmp(Time now, const IcmpReport& report) {
  if (report.quoted.size() < 8) return counters_.add(Counter::drop_bad_icmp);
  // The quoted packet is ours: its source is our port.
  CommonHeader header;
  header.destination_port = load_be16(report.quoted.data());
  header.source_port = load_be16(report.quoted.data() + 2);
  const std::uint32_t quoted_tag = load_be32(report.quoted.data() + 4);
  Slot* slot = find_here_by_peer(header, report.peer);
  //= rfc9260 10
  if (slot == nullptr || !is_quoted_from(slot->association.identity(), quoted_tag, report.quoted)) {
    return counters_.add(Counter::drop_bad_icmp);
  }
  if (report.kind == IcmpReport::Kind::kPacketTooBig) {
    slot->association.on_packet_too_big(now, report.peer, report.mtu);
  } else if (report.kind == IcmpReport::Kind::kProtocolUnreachable &&
             (quoted_tag != 0 || slot->association.state() == State::kCookieWait)) {
    slot->association.on_protocol_unreachable();
  }
  settle(*slot);
}

}  // namespace millrace
