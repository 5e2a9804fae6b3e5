#include "engine/shard/bursts.h"

#include <cstring>

namespace millrace {
namespace {

// A loan is made anew when less than a packet's worth of it is left.
constexpr std::size_t kCutsOfPacket = 96;

std::uint64_t ends_of(Bytes packet) {
  std::uint64_t ends;
  std::memcpy(&ends, packet.data(), sizeof ends);
  return ends;
}

}  // namespace

// ---- in ----

void Arrivals::take(Buffer* buffer, const IpAddress& source, const IpAddress& destination,
                    Bytes packet) {
  const PacketIn in{buffer, source, destination, packet};
  if (slot_ == nullptr || !is_of_same(in)) {
    settle();
    slot_ = shard_.take_packet(now_, in);
    if (slot_ != nullptr) {
      ends_ = ends_of(packet);
      source_ = source;
      destination_ = destination;
    }
  } else {
    slot_->association.on_packet(now_, in, ChunkReader(packet));
  }
  if (slot_ != nullptr && slot_->association.is_closed()) settle();
  shard_.buffers_.release(buffer);
}

// The same ends, and what is in it is nothing that has to do with who has which name. An
// association neither loses peers' addresses nor changes its tag by DATA and SACKs.
bool Arrivals::is_of_same(const PacketIn& in) const {
  constexpr std::size_t kLeast = kCommonHeaderBytes + kChunkHeaderBytes;
  if (in.packet.size() < kLeast || ends_of(in.packet) != ends_) return false;
  const std::uint8_t* first = in.packet.data() + kCommonHeaderBytes;
  const std::size_t length = load_be16(first + 2);
  return (first[0] == static_cast<std::uint8_t>(ChunkType::kData) ||
          first[0] == static_cast<std::uint8_t>(ChunkType::kSack)) &&
         length >= kChunkHeaderBytes && length <= in.packet.size() - kCommonHeaderBytes &&
         in.source == source_ && in.destination == destination_;
}

void Arrivals::settle() {
  if (slot_ == nullptr) return;
  shard_.settle(*slot_);
  slot_ = nullptr;
}

void Shard::on_packet(Time now, Buffer* buffer, const IpAddress& source,
                      const IpAddress& destination, Bytes packet) {
  Arrivals(*this, now).take(buffer, source, destination, packet);
}

// ---- out ----

bool Departures::next(PacketOut& out) {
  while (!shard_.memory_.outbox.pop(out)) {
    Slot* slot = shard_.sending_.front();
    if (slot == nullptr) return false;
    const OutboundMemory& memory = shard_.resources_.outbound;
    if (shard_.buffers_.free_count() == 0) {
      // They stay in the list: nothing else wakes them.
      shard_.counters_.add(Counter::waits_for_memory);
      return false;
    }
    if (slot != slot_ || memory.cuts_left < kCutsOfPacket) {
      slot == slot_ ? account() : leave();
      shard_.lend(*slot);
      slot_ = slot;
    }
    if (next_of_slot(out)) break;
  }
  return true;
}

bool Departures::next_of_slot(PacketOut& out) {
  Slot& slot = *slot_;
  const bool has_sent = slot.association.next_packet(now_, out);
  if (has_sent && slot.association.has_something_to_send()) {
    shard_.give_turn();
    return true;
  }
  leave();
  shard_.wait_for_share(now_, slot);
  shard_.sending_.remove(&slot);
  shard_.packets_of_turn_ = 0;
  return has_sent;
}

void Departures::account() {
  shard_.account(*slot_);
}

// Also one that stays in the list has sent something, whose T3-rtx is to expire though nothing that
// is missing here comes for as long.
void Departures::leave() {
  if (slot_ == nullptr) return;
  account();
  const Time deadline = slot_->association.next_deadline();
  if (deadline != kNever) shard_.wheel_.arm(shard_.slots_.index_of(slot_), deadline);
  slot_ = nullptr;
}

bool Shard::next_packet(Time now, PacketOut& out) {
  return Departures(*this, now).next(out);
}

}  // namespace millrace
