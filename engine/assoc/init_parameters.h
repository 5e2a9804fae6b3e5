// What INIT and INIT ACK carry behind their fixed fields (RFC 9260 3.3.2.1, 3.3.3.1).
#pragma once

#include <array>
#include <span>

#include "engine/base/address.h"
#include "engine/base/limits.h"
#include "engine/wire/chunks.h"
#include "engine/wire/writer.h"

namespace millrace {

/// The Missing Mandatory Parameter cause that says: State Cookie (RFC 9260 3.3.10.2).
inline constexpr std::uint8_t kMissingCookie[] = {0, 0, 0, 1, 0, 7};

/// The smallest a_rwnd that an INIT or INIT ACK may name (RFC 9260 3.3.2).
inline constexpr std::uint32_t kRwndMin = 1500;

/// What was found in the parameters of an INIT or INIT ACK.
struct InitContents {
  static constexpr std::size_t kUnrecognizedMax = 4;

  bool is_malformed = false;
  bool has_host_name = false;
  Bytes cookie;
  Bytes host_name;               ///< the whole parameter
  std::uint32_t adaptation = 0;  ///< RFC 5061 4.2.6; 0: none
  std::size_t peer_count = 0;
  std::array<IpAddress, kPathsMax> peers;  ///< the packet's source first, without duplicates
  std::size_t unrecognized_count = 0;
  std::array<Bytes, kUnrecognizedMax> unrecognized;  ///< whole parameters that ask to be reported

  std::span<const IpAddress> addresses() const { return {peers.data(), peer_count}; }
};

/// Reads the parameters. Addresses that are not unicast, or that could not be reached from
/// `source`'s scope (loopback and link-local from elsewhere), and those beyond kPathsMax are left
/// out.
InitContents read_init(const InitView& init, const IpAddress& source);

struct InitFields {
  std::uint32_t initiate_tag;
  std::uint32_t a_rwnd;
  std::uint16_t streams_out;
  std::uint16_t streams_in;
  Tsn initial_tsn;
};

/// Opens an INIT or INIT ACK chunk and writes its fixed fields; parameters may follow.
void write_init_fields(PacketWriter& writer, ChunkType type, const InitFields& fields);

/// Lists the local addresses (bit i of `mask` allows addresses[i]; 0 allows all) that a peer at
/// `peer` may be told of, unless there is only one.
void write_local_addresses(PacketWriter& writer, std::span<const IpAddress> addresses,
                           std::uint64_t mask, const IpAddress& peer);

void write_supported_address_types(PacketWriter& writer, bool v4, bool v6);

/// Unless it is 0, which stands for none.
void write_adaptation(PacketWriter& writer, std::uint32_t indication);

}  // namespace millrace
