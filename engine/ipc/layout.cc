#include "engine/ipc/layout.h"

namespace millrace::ipc {
namespace {

bool is_power_of_two(std::uint32_t number) {
  return number != 0 && (number & (number - 1)) == 0;
}

bool is_ring(std::uint32_t capacity) {
  return is_power_of_two(capacity) && capacity >= 8 && capacity <= (1u << 20);
}

bool is_arena(std::uint32_t bytes, std::uint32_t least) {
  return bytes % Geometry::kPage == 0 && bytes >= least && bytes <= (1u << 30);
}

}  // namespace

const char* Geometry::problem() const {
  if (lcores == 0 || lcores > kLcoresMax) return "number of lcores out of range";
  if (!is_ring(submission_capacity) || !is_ring(completion_capacity) || !is_ring(returns_capacity))
    return "a ring's capacity is no power of two between 8 and 1048576";
  if (!is_arena(receive_arena_bytes, 65536))
    return "receive arena: not a multiple of 4096 between 64 KiB and 1 GiB";
  if (!is_arena(transmit_arena_bytes, 65536) || transmit_arena_bytes % 65536 != 0)
    return "transmit arena: not a multiple of 65536 between 64 KiB and 1 GiB";
  return nullptr;
}

}  // namespace millrace::ipc
