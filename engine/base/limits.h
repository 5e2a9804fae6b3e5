// The bounds of the program, in one place, with what must hold between them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace millrace {

/// Packets that cross a layer at once, at most.
inline constexpr std::size_t kBurstMax = 32;
/// Packets that a turn sends, at most. What is sent is soon received by someone, acknowledged and
/// freed; more at once would only push each other out of the caches.
inline constexpr std::size_t kTransmitMax = 2 * kBurstMax;
/// Packets that a turn receives from a port, or from another lcore, at most: no fewer than another
/// turn sends or hands over, or they would pile up until a window or a ring is full, and far from
/// every cache.
inline constexpr std::size_t kReceiveMax = kTransmitMax;

/// Lcores of one engine; an lcore's number fits the identifiers that applications hold.
inline constexpr std::size_t kLcoresMax = 64;
/// Network interfaces (ports, or a VLAN of one) of one engine.
inline constexpr std::size_t kInterfacesMax = 16;
/// Addresses of the engine over all interfaces.
inline constexpr std::size_t kLocalAddressesMax = 62;
/// Addresses that a listener may name: these, and loopback ones.
inline constexpr std::size_t kListenAddressesMax = 64;
/// Static routes.
inline constexpr std::size_t kRoutesMax = 64;

/// Buckets that verification tags fall into; each belongs to one lcore.
inline constexpr std::size_t kTagBuckets = 256;
static_assert(kLcoresMax <= kTagBuckets);

/// Associations of one lcore; an index of them fits the names that applications hold.
inline constexpr std::size_t kAssociationsMax = 1u << 24;
/// Destination addresses of one association.
inline constexpr std::size_t kPathsMax = 8;
/// Local addresses that one association may use and announces.
inline constexpr std::size_t kAssociationLocalsMax = 8;
/// Streams in one direction of an association.
inline constexpr std::size_t kStreamsMax = 65535;

/// Storage of one packet buffer, head room included: a full Ethernet frame and some.
inline constexpr std::size_t kBufferStorage = 2176;
/// Room before the SCTP common header for Ethernet, VLAN, IPv6 and UDP encapsulation.
inline constexpr std::size_t kBufferHeadroom = 128;
/// The largest IP packet that is sent or received.
inline constexpr std::size_t kMtuMax = 2000;
static_assert(kBufferHeadroom + kMtuMax <= kBufferStorage);
/// The smallest path MTU that is believed (RFC 9260 7.3 takes the IP version's minimum; an ICMP
/// message that announces less is dropped).
inline constexpr std::size_t kMtuMin = 512;

/// The largest user message that an application may send, in bytes.
inline constexpr std::size_t kMessageBytesMax = 4u << 20;

}  // namespace millrace
