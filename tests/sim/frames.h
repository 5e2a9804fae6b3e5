// Frames that the network of a simulation makes itself, or changes as a peer might have.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/base/bytes.h"
#include "tests/sim/dice.h"

namespace millrace::sim {

bool is_v6(Bytes frame);

/// What forge() needs of an SCTP packet.
inline constexpr std::size_t kForgedBytesMin = 16;

/// Makes an SCTP packet one of a stranger's who knows addresses and ports and not the verification
/// tag: a chunk of any type that fills the packet, with anything in it, and a checksum that is
/// right.
void forge(MutableBytes frame, Dice& dice);

/// What a router says of a packet that it cannot pass on, as a frame. It speaks with the address
/// that the packet was for.
std::vector<std::uint8_t> make_packet_too_big(Bytes frame, std::uint16_t mtu);

/// Makes SACKs announce no more than `most` bytes of window, as a peer that has hardly any room
/// would.
void limit_windows(MutableBytes frame, std::uint32_t most);

}  // namespace millrace::sim
