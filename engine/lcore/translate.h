// The words of the shard in the words of the rings.
#pragma once

#include <cstdint>

#include "engine/assoc/event.h"
#include "engine/ipc/layout.h"
#include "engine/shard/shard.h"

namespace millrace {

/// 0 or a negative errno.
std::int32_t errno_of(Status status);
ipc::Reason reason_of(DownReason reason);
ipc::PathState path_state_of(PathState state);
/// Why a message that a shard refused with `status` is not sent.
ipc::Reason refusal_of(Status status);
/// Fills in the payload of ipc::Event::status.
void translate(std::size_t lcore, const AssociationStatus& from, ipc::AssociationStatus& to);

}  // namespace millrace
