// What the library asks of the engine about protocol parameters, as it asks it: the linker puts
// these functions before millrace.h's (tests/sockets/meson.build).
#pragma once

#include <cstdint>
#include <optional>

#include "api/millrace.h"

namespace millrace::sockets {

/// Since when requests are looked at: all before it are forgotten.
void forget_requests();
/// What was last asked for with mr_preset(), mr_set_parameter() or mr_set_path_parameter().
std::optional<std::uint32_t> preset_value(int parameter);
std::optional<std::uint32_t> set_value(int parameter);
std::optional<std::uint32_t> path_value(int parameter);
/// How often the state of an association was asked for.
int question_count();
/// How many of those about associations and paths there were, and how many the engine has carried
/// out, with status 0.
int request_count();
int carried_out_count();
/// How many times the engine has told its addresses.
int engine_count();
/// Something that the engine has not said, for the next mr_receive().
void invent(const mr_event& event);

}  // namespace millrace::sockets
