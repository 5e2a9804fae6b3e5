// Packets as text, for logs, test failures and the operator.
#pragma once

#include <string>

#include "engine/base/bytes.h"

namespace millrace {

/// One line for any bytes that claim to be an SCTP packet, e.g.
/// "5000>3868 tag=1f2e3d4c SACK(cum=17 rwnd=65536 gaps=2-3,5 dups=0) DATA(tsn=9 sid=1 ssn=4 BE
/// len=64)". Malformed parts are named as such.
std::string render_packet(Bytes packet);

/// The name of a chunk type, e.g. "COOKIE ECHO"; "CHUNK 77" for an unknown one.
std::string chunk_name(std::uint8_t type);

}  // namespace millrace
