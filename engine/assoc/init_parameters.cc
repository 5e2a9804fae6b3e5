#include "engine/assoc/init_parameters.h"

#include <algorithm>

namespace millrace {
namespace {

constexpr std::size_t kParametersMax = 64;

// Whether a peer that is seen at `source` can own `address` (RFC 9260 5.1.2 leaves scopes to the
// implementation: an address of a narrower scope says nothing to us).
bool is_in_scope(const IpAddress& address, const IpAddress& source) {
  if (!address.is_unicast()) return false;
  if (address.is_loopback()) return source.is_loopback();
  return !address.is_link_local() || source.is_link_local();
}

void add_address(InitContents& contents, const IpAddress& address) {
  const auto known = contents.addresses();
  if (std::find(known.begin(), known.end(), address) != known.end()) return;
  if (contents.peer_count < contents.peers.size()) contents.peers[contents.peer_count++] = address;
}

// False: the parameters that follow are not looked at.
//= rfc9260 3.2.1
bool read_unknown(InitContents& contents, TlvView parameter) {
  const unsigned upper_bits = parameter.type() >> 14;
  if (unknown_type_is_reported(upper_bits) &&
      contents.unrecognized_count < contents.unrecognized.size()) {
    contents.unrecognized[contents.unrecognized_count++] = parameter.bytes;
  }
  return unknown_type_is_skipped(upper_bits);
}

bool read_parameter(InitContents& contents, TlvView parameter, const IpAddress& source) {
  switch (static_cast<ParameterType>(parameter.type())) {
    case ParameterType::kIpv4Address:
    case ParameterType::kIpv6Address: {
      const auto address = address_in(parameter);
      if (!address) {
        contents.is_malformed = true;
      } else if (is_in_scope(*address, source)) {
        add_address(contents, *address);
      }
      return true;
    }
    case ParameterType::kStateCookie:
      contents.cookie = parameter.value();
      return true;
    case ParameterType::kHostNameAddress:
      contents.has_host_name = true;
      contents.host_name = parameter.bytes;
      return true;
    case ParameterType::kAdaptationIndication:
      if (parameter.value().size() == 4) contents.adaptation = load_be32(parameter.value().data());
      return true;
    case ParameterType::kUnrecognizedParameter:
    case ParameterType::kCookiePreservative:
    case ParameterType::kSupportedAddressTypes:  // we answer from where the INIT went
    case ParameterType::kEcnCapable:
      return true;
    default:
      return read_unknown(contents, parameter);
  }
}

}  // namespace

//= rfc9260 3.3.2.1.2
InitContents read_init(const InitView& init, const IpAddress& source) {
  InitContents contents;
  add_address(contents, source);
  TlvReader parameters(init.parameters);
  for (std::size_t count = 0; count < kParametersMax; ++count) {
    const auto parameter = parameters.next();
    if (!parameter || !read_parameter(contents, *parameter, source)) break;
  }
  contents.is_malformed |= parameters.is_malformed();
  return contents;
}

//= rfc9260 3.3.2.1
//= rfc9260 3.3.3.1
void write_init_fields(PacketWriter& writer, ChunkType type, const InitFields& fields) {
  std::uint8_t* at = writer.begin_chunk(type, 0, InitView::kBytes - kChunkHeaderBytes);
  store_be32(at, fields.initiate_tag);
  store_be32(at + 4, fields.a_rwnd);
  store_be16(at + 8, fields.streams_out);
  store_be16(at + 10, fields.streams_in);
  store_be32(at + 12, fields.initial_tsn.value);
}

//= rfc9260 5.1.2
//= rfc9260 3.3.2.1.2
void write_local_addresses(PacketWriter& writer, std::span<const IpAddress> addresses,
                           std::uint64_t mask, const IpAddress& peer) {
  std::array<IpAddress, kAssociationLocalsMax> told;
  std::size_t count = 0;
  for (std::size_t i = 0; i < addresses.size() && count < told.size(); ++i) {
    const bool allowed = mask == 0 || (mask >> i & 1);
    if (allowed && is_in_scope(addresses[i], peer)) told[count++] = addresses[i];
  }
  if (count < 2) return;
  for (std::size_t i = 0; i < count; ++i) writer.append_address(told[i]);
}

//= rfc5061 4.2.6
void write_adaptation(PacketWriter& writer, std::uint32_t indication) {
  if (indication == 0) return;
  std::uint8_t value[4];
  store_be32(value, indication);
  writer.append_parameter(ParameterType::kAdaptationIndication, value);
}

//= rfc9260 3.3.2.1.5
void write_supported_address_types(PacketWriter& writer, bool v4, bool v6) {
  constexpr std::uint8_t kTypes[] = {0, 5, 0, 6};
  const std::size_t first = v4 ? 0 : 2;
  const std::size_t end = v6 ? 4 : 2;
  writer.append_parameter(ParameterType::kSupportedAddressTypes,
                          Bytes(kTypes).subspan(first, end - first));
}

}  // namespace millrace
