// What an application may set of an association's parameters, in what ranges.
#pragma once

#include <cstdint>
#include <span>

#include "engine/assoc/parameters.h"
#include "engine/base/address.h"
#include "engine/ipc/layout.h"

namespace millrace {

/// The streams that a listen or connect request asks for; 0 keeps what is there.
void apply_streams(const ipc::SubmissionEntry& request, Parameters& parameters);

/// Whether a path may have one of its own.
bool is_of_path(ipc::Parameter parameter);

/// False if the value is out of range.
bool apply_parameter(ipc::Parameter parameter, std::uint32_t value, Parameters& parameters);

/// What associations get unless the application says otherwise.
void describe(const Parameters& from, std::span<const IpAddress> addresses, ipc::EngineStatus& to);

}  // namespace millrace
