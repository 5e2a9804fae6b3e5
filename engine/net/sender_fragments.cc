// Packets that leave in fragments: rare, when a path's MTU shrank below what DATA was cut for.

#include <algorithm>

#include "engine/base/crc32c.h"
#include "engine/net/ipv4.h"
#include "engine/net/ipv6.h"
#include "engine/net/sender.h"

namespace millrace::net {

bool Sender::send_large(CachedRoute& route, Buffer* packet, SendOptions options) {
  if (options.fragment_above == 0 || route.is_local()) {
    return drop(Counter::drop_too_big, packet);
  }
  const std::size_t limit = std::min(options.fragment_above, route.mtu);
  const std::size_t extra = route.is_v4() ? 0 : kIpv6FragmentBytes;
  if (limit < route.ip_bytes + extra + 8) return drop(Counter::drop_too_big, packet);
  const std::size_t step = (limit - route.ip_bytes - extra) / 8 * 8;
  store_sctp_checksum({packet->data, packet->length});
  ++fragment_identification_;
  bool is_sent = true;
  for (std::size_t offset = 0; offset < packet->length && is_sent; offset += step) {
    const std::size_t length = std::min<std::size_t>(step, packet->length - offset);
    Buffer* fragment = make_fragment(route, packet->bytes(), offset, length, options.marking);
    is_sent = fragment != nullptr && dispatch(route, fragment);
  }
  pool_.release(packet);
  if (is_sent) counters_.add(Counter::sctp_packets_sent);
  return is_sent;
}

Buffer* Sender::make_fragment(CachedRoute& route, Bytes packet, std::size_t offset,
                              std::size_t length, Marking marking) {
  Buffer* fragment = pool_.acquire();
  if (fragment == nullptr) {
    counters_.add(Counter::drop_no_buffer);
    return nullptr;
  }
  const bool has_more = offset + length < packet.size();
  std::memcpy(fragment->data, packet.data() + offset, length);
  fragment->length = static_cast<std::uint32_t>(length);
  FragmentFields fields;
  fields.identification = static_cast<std::uint16_t>(fragment_identification_);
  fields.flags_and_offset =
      static_cast<std::uint16_t>((has_more ? kIpv4MoreFragments : 0) | offset / 8);
  if (!route.is_v4()) {
    std::uint8_t* header = fragment->prepend(kIpv6FragmentBytes);
    header[0] = kProtocolSctp;
    header[1] = 0;
    store_be16(header + 2, static_cast<std::uint16_t>(offset | (has_more ? 1 : 0)));
    store_be32(header + 4, fragment_identification_);
  }
  put_headers(route, fragment, marking, fields);
  if (!route.is_v4()) fragment->storage[fragment->network_offset + 6] = kProtocolFragment;
  return fragment;
}

}  // namespace millrace::net
