// Packets that a script describes, as bytes.
#pragma once

#include "engine/base/address.h"
#include "tests/trace/values.h"

namespace millrace::trace {

/// TSNs in scripts count from 1: the first DATA chunk of a side is 1, and a cumulative TSN ack of
/// 0 acknowledges nothing. These are the initial TSNs that they count from.
inline constexpr const char* kOurTsn = "us_tsn";
inline constexpr const char* kPeerTsn = "peer_tsn";

/// The number of a chunk type, e.g. of INIT_ACK. Throws Failure.
std::uint8_t chunk_type(const std::string& name);

/// The chunk with its padding, as the peer sends it. An INIT or INIT ACK sets $peer and $peer_tsn
/// to what it says.
Octets write_chunk(Symbols& symbols, const Chunk& chunk);

/// All chunks of a packet behind a common header.
Octets write_packet(Symbols& symbols, const std::vector<Chunk>& chunks, std::uint16_t source_port,
                    std::uint16_t destination_port, std::uint32_t tag);

IpAddress parse_address(const std::string& text);

}  // namespace millrace::trace
