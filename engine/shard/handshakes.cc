// INIT and COOKIE ECHO: what a listener answers without keeping anything, and how an association
// comes of a cookie (RFC 9260 5.1, 5.2).
#include <algorithm>

#include "engine/assoc/replies.h"
#include "engine/shard/shard.h"

namespace millrace {
namespace {

const IpAddress& first_shared(const Association& association,
                              std::span<const IpAddress> addresses) {
  return *std::find_if(addresses.begin(), addresses.end(),
                       [&](const IpAddress& address) { return association.has_peer(address); });
}

// Whether an association is what a cookie with its tag is about. A tag that was offered and not
// taken may be drawn again, for another peer.
bool is_about(const Cookie& cookie, const Association& association) {
  const Identity& identity = association.identity();
  const auto peers = cookie.addresses();
  return identity.local_port == cookie.local_port && identity.peer_port == cookie.peer_port &&
         std::any_of(peers.begin(), peers.end(),
                     [&](const IpAddress& peer) { return association.has_peer(peer); });
}

}  // namespace

// ---- INIT ----

//= rfc9260 5.1
// Beyond the operator's limits there is no answer, for an answer is what the limits save: a peer
// that means it asks again (T1-init).
bool Shard::is_affordable(InitRate::Verdict verdict) {
  switch (verdict) {
    case InitRate::Verdict::kTooManyInAll:
      counters_.add(Counter::drop_init_rate);
      return false;
    case InitRate::Verdict::kTooManyFromSource:
      counters_.add(Counter::drop_init_rate_source);
      return false;
    case InitRate::Verdict::kTooManyForListener:
      counters_.add(Counter::drop_init_rate_listener);
      return false;
    case InitRate::Verdict::kTooManyHalfOpen:
      counters_.add(Counter::drop_half_open);
      return false;
    case InitRate::Verdict::kAnswer:
      break;
  }
  return true;
}

// Who listens where the INIT of a peer went. Every shard finds the same one for a peer.
Listener* Shard::listener_at(const CommonHeader& header, const IpAddress& local,
                             const IpAddress& peer) const {
  const auto is_reached = [&](LocalSet locals) { return resources_.is_allowed(locals, local); };
  const auto number_of_peer = [&] {
    return steering_.number_of_peer(header.destination_port, peer, header.source_port);
  };
  return listeners_.find(header.destination_port, is_reached, number_of_peer);
}

// Whose INIT ACK the cookie came in: its peer was told that one's addresses and streams, whoever
// has come to share them since. When that one is gone, who listens there now.
const Listener* Shard::listener_of(const CommonHeader& header, const Cookie& cookie) const {
  const Listener* one = listeners_.first(header.destination_port);
  for (; one != nullptr; one = one->next) {
    if (one->number == cookie.listener && resources_.is_allowed(one->locals, cookie.local_address))
      return one;
  }
  return listener_at(header, cookie.local_address, cookie.peers[0]);
}

void Shard::on_init(Time now, ChunkView chunk, const PacketIn& in) {
  const CommonHeader header = CommonHeader::read(in.packet);
  if (!is_affordable(init_rate_.judge_source(now, in.source))) return;
  Listener* listener = listener_at(header, in.destination, in.source);
  TokenBucket* const inits = listener != nullptr ? &listener->inits : nullptr;
  if (!is_affordable(init_rate_.judge_listener(now, inits))) return;
  const auto init = InitView::parse(chunk);
  if (!init || init->initiate_tag == 0) return counters_.add(Counter::drop_bad_init);
  const InitContents contents = read_init(*init, in.source);
  if (!is_acceptable(*init, contents, in)) return counters_.add(Counter::drop_bad_init);
  Cookie cookie;
  if (Slot* slot = find_by_any_peer(in, contents.addresses())) {
    // The answer goes to an address that the application has named, too.
    //= rfc9260 5.2.1
    const Association& existing = slot->association;
    const bool is_elsewhere =
        existing.state() == State::kCookieWait && !existing.has_peer(in.source);
    const IpAddress& to = is_elsewhere ? first_shared(existing, contents.addresses()) : in.source;
    if (!draw_cookie(now, *slot, *init, contents, in, cookie)) return;
    fill(cookie, now, *init, contents, existing.parameters(), in);
    jar(now);
    return answer_init(contents, cookie, existing.parameters(), existing.locals(),
                       {in.buffer, to, in.destination, in.packet});
  }
  if (listener == nullptr) {
    //= rfc9260 8.4
    counters_.add(Counter::drop_no_listener);
    return refuse(header, init->initiate_tag, CauseCode::kNone, {}, in);
  }
  draw_cookie(header, in, cookie);
  cookie.listener = listener->number;
  fill(cookie, now, *init, contents, listener->parameters, in);
  jar(now);
  answer_init(contents, cookie, listener->parameters, listener->locals, in);
}

// Of an association that is there. False: no INIT ACK is due.
bool Shard::draw_cookie(Time now, Slot& slot, const InitView& init, const InitContents& contents,
                        const PacketIn& in, Cookie& cookie) {
  const bool answers =
      slot.association.on_init(init, contents.addresses(), in, draw_tag(config_.number), cookie);
  settle(slot);
  if (!answers) return false;
  // Should the association end before this cookie comes back, it must not make another one with the
  // same tag and TSNs.
  const Duration lifetime = slot.association.parameters().cookie_lifetime;
  slot.cookie_expires = std::max(slot.cookie_expires, now + lifetime);
  return true;
}

// Of one that is yet to be.
void Shard::draw_cookie(const CommonHeader& header, const PacketIn& in, Cookie& cookie) {
  // Who answers in the name of this address may have to give way (take_place), and is here.
  const bool is_named =
      steering_.shards() > 1 &&
      steering_.find(header.destination_port, in.source, header.source_port).has_value();
  cookie.local_tag = draw_tag(is_named ? config_.number : steering_.least_loaded(config_.number));
  cookie.local_tsn = Tsn{random_.next_u32()};
}

// What the peer's INIT says, and what is agreed with it.
//= rfc9260 3.3.3.1.1
void Shard::fill(Cookie& cookie, Time now, const InitView& init, const InitContents& contents,
                 const Parameters& parameters, const PacketIn& in) {
  const CommonHeader header = CommonHeader::read(in.packet);
  cookie.created = now;
  cookie.lifetime = parameters.cookie_lifetime;
  cookie.peer_tag = init.initiate_tag;
  cookie.peer_tsn = init.initial_tsn;
  cookie.peer_rwnd = init.a_rwnd;
  cookie.peer_adaptation = contents.adaptation;
  //= rfc9260 5.1.1
  cookie.streams_out = std::min(parameters.streams_out, init.streams_in);
  cookie.streams_in = std::min(parameters.streams_in, init.streams_out);
  cookie.local_port = header.destination_port;
  cookie.peer_port = header.source_port;
  cookie.local_address = in.destination;
  cookie.peer_count = contents.peer_count;
  cookie.peers = contents.peers;
}

// The association that an INIT, an INIT ACK or a COOKIE ECHO with these addresses is about. An
// address that is not known to be that peer's own does not count: another may have named it to be
// in the way of its owner.
//= rfc9260 5.1.2#6
Slot* Shard::find_by_any_peer(const PacketIn& in, std::span<const IpAddress> peers,
                              const Slot* except) {
  const CommonHeader header = CommonHeader::read(in.packet);
  for (const IpAddress& peer : peers) {
    Slot* slot = find_here_by_peer(header, peer);
    if (slot != nullptr && slot != except && slot->association.has_confirmed_peer(peer) &&
        slot->association.has_local(in.destination)) {
      return slot;
    }
  }
  return nullptr;
}

// What stands in the directory for an address that its association has never had an answer from
// gives way to who has answered from there.
// False: another association is found by the first address of `slot`, and stays.
bool Shard::take_place(const CommonHeader& header, const Slot& slot) {
  const IpAddress& peer = slot.association.path(0).destination();
  const Slot* other = find_here_by_peer(header, peer);
  if (other != nullptr && !other->association.has_confirmed_peer(peer)) {
    steering_.remove(header.destination_port, peer, header.source_port, other->indexed_tag);
  }
  return steering_.insert(header.destination_port, peer, header.source_port, slot.indexed_tag);
}

//= rfc9260 3.3.2
//= rfc9260 3.3.2.1.4
bool Shard::is_acceptable(const InitView& init, const InitContents& contents, const PacketIn& in) {
  const CommonHeader header = CommonHeader::read(in.packet);
  if (init.a_rwnd < kRwndMin || init.streams_out == 0 || init.streams_in == 0 ||
      contents.is_malformed) {
    refuse(header, init.initiate_tag, CauseCode::kInvalidMandatoryParameter, {}, in);
    return false;
  }
  //= rfc9260 5.1.2
  //= rfc9260 12.2.4.1
  if (contents.has_host_name) {
    refuse(header, init.initiate_tag, CauseCode::kUnresolvableAddress, contents.host_name, in);
    return false;
  }
  return true;
}

//= rfc9260 5.1.3
void Shard::answer_init(const InitContents& contents, const Cookie& cookie,
                        const Parameters& parameters, std::uint64_t locals, const PacketIn& in) {
  std::array<std::uint8_t, kCookieBytesMax> sealed;
  const std::size_t size = jar_.seal(cookie, sealed);
  const CommonHeader header = reply_to(CommonHeader::read(in.packet), cookie.peer_tag);
  const auto write = [&](PacketWriter& writer) {
    write_init_fields(writer, ChunkType::kInitAck,
                      {cookie.local_tag, parameters.receive_buffer, cookie.streams_out,
                       parameters.streams_in, cookie.local_tsn});
    writer.append_parameter(ParameterType::kStateCookie, {sealed.data(), size});
    write_local_addresses(writer, resources_.local_addresses, locals, in.source);
    write_adaptation(writer, parameters.adaptation);
    for (std::size_t i = 0; i < contents.unrecognized_count; ++i) {
      //= rfc9260 3.3.3.1.2
      //= rfc9260 3.2.2
      const Bytes parameter = contents.unrecognized[i];
      if (padded4(parameter.size()) + kTlvHeaderBytes > writer.room()) break;
      writer.append_parameter(ParameterType::kUnrecognizedParameter, parameter);
    }
    writer.end_chunk();
  };
  send_reply(resources_, header, in.destination, in.source, parameters.marking, write);
  counters_.add(Counter::init_acks_sent);
  // Of an association that is there the tag is known, and shall be nobody's when it has ended.
  if (!tags_.find(cookie.local_tag)) {
    steering_.offered_tags().add(cookie.local_tag, cookie.created + cookie.lifetime);
  }
}

// Brings the jar to the epoch of `now`.
CookieJar& Shard::jar(Time now) {
  const auto epoch = static_cast<std::uint64_t>(now.ns / kCookieLifetimeMax.ns);
  if (epoch != jar_epoch_) {
    jar_.rotate(steering_.cookie_secret(epoch - 1));
    jar_.rotate(steering_.cookie_secret(epoch));
    jar_epoch_ = epoch;
  }
  return jar_;
}

// ---- COOKIE ECHO ----

//= rfc9260 5.1.5
Slot* Shard::on_cookie_echo(Time now, const PacketIn& in, ChunkView chunk, ChunkReader rest) {
  const CommonHeader header = CommonHeader::read(in.packet);
  if (!init_rate_.may_open(now)) {
    counters_.add(Counter::drop_half_open);
    return nullptr;
  }
  const auto cookie = jar(now).open(chunk.value());
  if (!cookie || cookie->local_tag != header.verification_tag ||
      cookie->local_port != header.destination_port || cookie->peer_port != header.source_port) {
    counters_.add(Counter::drop_bad_cookie);
    return nullptr;
  }
  const auto index = tags_.find(cookie->local_tag);
  Slot* slot = index ? slots_.at(*index) : find_by_any_peer(in, cookie->addresses());
  bool begins = slot == nullptr;
  if (slot != nullptr &&
      !(is_about(*cookie, slot->association) && slot->association.has_local(in.destination))) {
    counters_.add(Counter::drop_bad_cookie);
    return nullptr;
  }
  if (slot == nullptr) {
    slot = establish(now, *cookie, in);
    if (slot == nullptr) return nullptr;
  } else {
    const bool was_up = slot->association.has_ever_been_up();
    const auto verdict = slot->association.on_cookie_echo(now, *cookie, in);
    settle(*slot);  // a restart: the old tag goes
    if (verdict == Association::CookieVerdict::kDiscard) return nullptr;
    begins = !was_up || verdict == Association::CookieVerdict::kRestarted;
  }
  // One that only comes again pays for nothing: a flood could live on it.
  if (begins) init_rate_.on_begun(steering_.shards());
  lend(*slot);
  slot->association.on_packet(now, in, rest);
  return slot;
}

// A new association from a cookie that nothing is known of but that it is ours; nullptr if it is
// too late, or there is no room.
Slot* Shard::establish(Time now, const Cookie& cookie, const PacketIn& in) {
  const CommonHeader header = CommonHeader::read(in.packet);
  if (now > cookie.created + cookie.lifetime) {
    counters_.add(Counter::drop_stale_cookie);
    send_stale_cookie(resources_, reply_to(header, cookie.peer_tag),
                      now - cookie.created - cookie.lifetime, in.destination, in.source,
                      config_.parameters.marking);
    return nullptr;
  }
  if (recent_tags_.has(cookie.local_tag, cookie.created + cookie.lifetime)) {
    counters_.add(Counter::drop_stale_cookie);  // its association has been, and is over
    refuse(header, cookie.peer_tag, CauseCode::kNone, {}, in);
    return nullptr;
  }
  const Listener* listener = listener_of(header, cookie);
  if (listener == nullptr || !resources_.is_allowed(listener->locals, in.destination)) {
    counters_.add(Counter::drop_no_listener);
    refuse(header, cookie.peer_tag, CauseCode::kNone, {}, in);
    return nullptr;
  }
  if (!has_share_of_slots(listener->owner)) {
    const bool is_full = slots_.used() == slots_.capacity();
    counters_.add(is_full ? Counter::drop_association_limit : Counter::drop_application_share);
    refuse(header, cookie.peer_tag, CauseCode::kOutOfResource, {}, in);
    return nullptr;
  }
  if (!may_have_another(cookie.peers[0])) {
    counters_.add(Counter::drop_peer_limit);
    refuse(header, cookie.peer_tag, CauseCode::kOutOfResource, {}, in);
    return nullptr;
  }
  const Identity identity{cookie.local_port, cookie.peer_port, cookie.local_tag, cookie.peer_tag};
  Slot* slot = create(identity, listener->parameters, listener->locals);
  if (slot == nullptr || !slot->association.establish(now, cookie)) {
    counters_.add(Counter::drop_association_limit);
    if (slot != nullptr) destroy(*slot);
    refuse(header, cookie.peer_tag, CauseCode::kOutOfResource, {}, in);
    return nullptr;
  }
  if (!index(*slot) && !take_place(header, *slot)) {
    const bool is_taken =
        steering_.find(cookie.local_port, cookie.peers[0], cookie.peer_port).has_value();
    counters_.add(is_taken ? Counter::drop_duplicate_association : Counter::drop_no_memory);
    unindex(*slot);
    slot->association.abort(is_taken ? CauseCode::kNone : CauseCode::kOutOfResource, {},
                            DownReason::kAbortedLocally);
    destroy(*slot);
    return nullptr;
  }
  slot->owner = listener->owner;
  slot->context = listener->context;
  slot->cookie_expires = cookie.created + cookie.lifetime;
  slot->is_peers_count = config_.limits.associations_per_peer != 0;
  if (slot->is_peers_count) peer_counts_.add(cookie.peers[0]);
  ownership(slot->owner).slots.push_back(slot);
  counters_.add(Counter::associations_passive_established);
  return slot;
}

// By the address that its INIT came from.
bool Shard::may_have_another(const IpAddress& peer) const {
  const std::uint32_t most = config_.limits.associations_per_peer;
  return most == 0 || peer_counts_.of(peer) < most;
}

}  // namespace millrace
