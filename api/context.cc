#include "api/context.h"

#include <algorithm>
#include <ctime>
#include <utility>

namespace millrace::api {

Context::Context(Options options, ipc::ClientMemory memory) : options_(std::move(options)) {
  open(std::move(memory));
}

Context::~Context() {
  if (epoll_ >= 0) close_(epoll_);
  if (timer_ >= 0) close_(timer_);
}

void Context::open(ipc::ClientMemory memory) {
  memory_ = std::move(memory);
  const ipc::Geometry& geometry = memory_.geometry;
  arena_.open(memory_.transmit, geometry.transmit_arena_bytes);
  owners_.reset(new std::uint32_t[arena_.slots_end()]);  // not zeroed: pages come when needed
  lanes_.clear();
  for (std::uint32_t lcore = 0; lcore < geometry.lcores; ++lcore)
    lanes_.push_back(std::make_unique<Lane>(memory_, lcore));
  can_sleep_ = !memory_.lcore_bells.empty();
  send_buffer_ = std::max<std::uint32_t>(memory_.send_buffer, ipc::kSlotUnit);
  message_bytes_max_ = std::min<std::uint32_t>(memory_.message_bytes_max, send_buffer_);
  credit_step_ = std::max<std::uint32_t>(memory_.receive_window / 4, 1);
  kept_back_ = 0;
  postponed_ = 0;
  next_lane_ = 0;
  loans_ = 0;
  is_armed_ = false;
  is_lost_ = false;
}

std::int64_t now_us() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

}  // namespace millrace::api
