// Whether a packet of ours is what a script expects.
#pragma once

#include <optional>

#include "engine/base/bytes.h"
#include "tests/trace/values.h"

namespace millrace::trace {

/// Compares every field that `expected` gives with `packet`; values that begin with `?` name what
/// is there instead. An INIT or INIT ACK sets $us, $us_tsn and $cookie, a HEARTBEAT $hb. Returns
/// what differs, or nullopt.
std::optional<std::string> mismatch(Symbols& symbols, const Line& expected, Bytes packet);

}  // namespace millrace::trace
