// The engine's death and what comes after it.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "api/context.h"
#include "engine/ipc/attach_client.h"

namespace millrace::api {
namespace {

constexpr std::int64_t kRetryEvery_us = 100'000;
constexpr std::int64_t kRetryPatience_ms = 200;

mr_event ended(mr_event_type type, mr_association association, std::uint64_t context) {
  mr_event event{};
  event.type = static_cast<std::uint8_t>(type);
  event.reason = MR_REASON_ENGINE_LOST;
  event.association = association;
  event.context = context;
  event.status = -EIO;
  return event;
}

}  // namespace

/// Reports the end of everything that the engine held. Called when nothing of it is left to
/// receive.
void Context::lose_engine() {
  if (is_lost_) return;
  for (const auto& lane : lanes_) {
    if (lane->completions.available(1) > 0) return;  // first what it still said
  }
  is_lost_ = true;
  is_armed_ = false;
  for (const auto& lane : lanes_) {
    lane->associations.each([this](const AssociationRecord& record) {
      local_.push(ended(MR_EVENT_ASSOCIATION_DOWN, record.handle, record.context));
    });
  }
  for (const std::uint64_t context : connecting_)
    local_.push(ended(MR_EVENT_ASSOCIATION_FAILED, 0, context));
  local_.push(ended(MR_EVENT_ENGINE_LOST, 0, 0));
  std::erase_if(listeners_, [](const Listener& listener) {
    return listener.state == Listener::State::stopping;
  });
  connecting_.clear();
  waiting_.clear();
  postponed_ = 0;
  given_back_.clear();
  lanes_.clear();
  // Buffers that the application holds stay readable and writable.
  if (loans_ > 0) {
    retired_.push_back({std::move(memory_), loans_});
    close_socket(retired_.back().memory);
  }
  memory_ = ipc::ClientMemory{};
  next_retry_us_ = now_us();
  set_timer((options_.flags & MR_ATTACH_ONCE) != 0 ? 0 : 1);
}

std::int64_t Context::retry_in_us() const {
  if ((options_.flags & MR_ATTACH_ONCE) != 0) return 3'600'000'000;
  return std::max<std::int64_t>(1, next_retry_us_ - now_us());
}

/// Attaches again if it is time to try, and listens where the application listened.
void Context::recover() {
  if ((options_.flags & MR_ATTACH_ONCE) != 0 || now_us() < next_retry_us_) return;
  ipc::AttachResult result =
      ipc::attach(options_.socket, options_.name, milliseconds(kRetryPatience_ms));
  if (result.status != 0) {
    next_retry_us_ = now_us() + kRetryEvery_us;
    set_timer(kRetryEvery_us);
    return;
  }
  set_timer(0);
  open(std::move(result.memory));
  move_attached();
  watch_socket();
  mr_event event{};
  event.type = MR_EVENT_ENGINE_BACK;
  local_.push(event);
  std::erase_if(listeners_, [this](Listener& listener) {
    const int status = start(listener);
    if (status == 0) return false;
    listener.status = status;
    local_.push(answer_of(listener));
    return true;
  });
}

}  // namespace millrace::api
