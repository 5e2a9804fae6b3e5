#include "engine/net/fragments.h"

#include "engine/net/ipv4.h"
#include "engine/net/ipv6.h"

namespace millrace::net {

Fragments::Fragments(const StackConfig& config, BufferPool& pool, Counters& counters)
    : timeout_(config.reassembly_timeout),
      pool_(pool),
      counters_(counters),
      table_(config.reassemblies_max) {
  for (Reassembly& reassembly : table_) free_.push_back(&reassembly);
}

Fragments::~Fragments() {
  while (!waiting_.empty()) forget(*waiting_.front());
}

Buffer* Fragments::on_fragment(Time now, const IpPacket& fragment) {
  const std::size_t end = fragment.fragment_offset + fragment.payload.size();
  const bool is_odd = fragment.more_fragments && fragment.payload.size() % kUnit != 0;
  if (fragment.payload.empty() || end > kBytesMax || is_odd) {
    drop();
    return nullptr;
  }
  Reassembly* reassembly = find(fragment);
  if (reassembly == nullptr) reassembly = start(now, fragment);
  if (reassembly == nullptr) return nullptr;
  if (reassembly->is_poisoned) {
    drop();
    return nullptr;
  }
  //= rfc5722 4
  if (!place(*reassembly, fragment)) {
    drop();
    poison(*reassembly);
    return nullptr;
  }
  const bool is_whole = reassembly->is_end_known && reassembly->received == reassembly->length;
  return is_whole ? finish(*reassembly) : nullptr;
}

Fragments::Reassembly* Fragments::find(const IpPacket& fragment) {
  for (Reassembly* at = waiting_.front(); at != nullptr; at = List<Reassembly>::next(at)) {
    // IPv6 does not tell packets apart by protocol; only the first fragment's counts there.
    const bool is_same_protocol = fragment.source.is_v6() || at->protocol == fragment.protocol;
    if (at->identification == fragment.identification && is_same_protocol &&
        at->source == fragment.source && at->destination == fragment.destination) {
      return at;
    }
  }
  return nullptr;
}

Fragments::Reassembly* Fragments::start(Time now, const IpPacket& fragment) {
  if (free_.empty()) {
    drop();
    forget(*waiting_.front());
  }
  Buffer* buffer = pool_.acquire();
  if (buffer == nullptr) {
    counters_.add(Counter::drop_no_buffer);
    return nullptr;
  }
  Reassembly* reassembly = free_.pop_front();
  reassembly->source = fragment.source;
  reassembly->destination = fragment.destination;
  reassembly->identification = fragment.identification;
  reassembly->protocol = fragment.protocol;
  reassembly->deadline = now + timeout_;
  reassembly->buffer = buffer;
  waiting_.push_back(reassembly);
  return reassembly;
}

// Copies the fragment to its place. False if it contradicts what is there.
bool Fragments::place(Reassembly& into, const IpPacket& fragment) {
  const std::size_t begin = fragment.fragment_offset;
  const std::size_t end = begin + fragment.payload.size();
  if (into.is_end_known && (end > into.length || !fragment.more_fragments)) return false;
  if (!fragment.more_fragments && into.end_max > end) return false;
  for (std::size_t unit = begin / kUnit; unit * kUnit < end; ++unit) {
    const std::uint64_t bit = std::uint64_t{1} << (unit % 64);
    if ((into.units[unit / 64] & bit) != 0) return false;
    into.units[unit / 64] |= bit;
  }
  if (!fragment.more_fragments) {
    into.is_end_known = true;
    into.length = static_cast<std::uint16_t>(end);
  }
  if (begin == 0) into.protocol = fragment.protocol;
  if (end > into.end_max) into.end_max = static_cast<std::uint16_t>(end);
  into.received = static_cast<std::uint16_t>(into.received + fragment.payload.size());
  std::memcpy(into.buffer->data + begin, fragment.payload.data(), fragment.payload.size());
  return true;
}

Buffer* Fragments::finish(Reassembly& reassembly) {
  Buffer* buffer = reassembly.buffer;
  reassembly.buffer = nullptr;
  buffer->length = reassembly.length;
  if (reassembly.source.is_v4()) {
    Ipv4Fields fields;
    fields.source = reassembly.source;
    fields.destination = reassembly.destination;
    fields.protocol = reassembly.protocol;
    fields.payload_length = reassembly.length;
    write_ipv4(buffer->prepend(kIpv4Bytes), fields);
  } else {
    Ipv6Fields fields;
    fields.source = reassembly.source;
    fields.destination = reassembly.destination;
    fields.next_header = reassembly.protocol;
    fields.payload_length = reassembly.length;
    write_ipv6(buffer->prepend(kIpv6Bytes), fields);
  }
  forget(reassembly);
  return buffer;
}

void Fragments::poison(Reassembly& reassembly) {
  reassembly.is_poisoned = true;
  pool_.release(reassembly.buffer);
  reassembly.buffer = nullptr;
}

void Fragments::forget(Reassembly& reassembly) {
  if (reassembly.buffer != nullptr) pool_.release(reassembly.buffer);
  waiting_.remove(&reassembly);
  reassembly = Reassembly{};
  free_.push_back(&reassembly);
}

void Fragments::on_deadline(Time now) {
  while (!waiting_.empty() && waiting_.front()->deadline <= now) {
    if (!waiting_.front()->is_poisoned) drop();
    forget(*waiting_.front());
  }
}

Time Fragments::next_deadline() const {
  return waiting_.empty() ? kNever : waiting_.front()->deadline;
}

}  // namespace millrace::net
