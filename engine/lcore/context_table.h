// The application contexts that one lcore serves.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/slab.h"
#include "engine/ipc/channel.h"
#include "engine/shard/shard.h"

namespace millrace {

/// Contexts of one engine, at most: an owner's number holds a slot below this.
inline constexpr std::uint32_t kContextsMax = 4096;

/// The shard's name for the context in `slot`; `serial` (not 0) tells apart those that follow each
/// other there.
constexpr Owner owner_of(std::uint32_t slot, std::uint32_t serial) {
  return serial * kContextsMax | slot;
}
constexpr std::uint32_t slot_of(Owner owner) {
  return owner % kContextsMax;
}

/// One context's end at one lcore.
struct Context {
  Owner owner = 0;
  ipc::Channel* channel = nullptr;
  bool is_leaving = false;      ///< gone or evicted: served no more, its associations end
  bool must_report = false;     ///< evicted, and the main thread does not know yet
  bool must_answer = false;     ///< the main thread waits for the report that nothing is left
  bool has_preset = false;      ///< for the next listen or connect
  bool has_bad_preset = false;  ///< one was out of range: the next listen or connect is refused
  Parameters preset;
  std::uint16_t answers = 0;  ///< answers to requests for which the ring had no room
  /// The oldest first. No request is taken while there are any, so one take's answers fit.
  std::array<ipc::CompletionEntry, ipc::Channel::kTakeMax> waiting;
};

class ContextTable {
 public:
  explicit ContextTable(std::size_t contexts_max);

  /// Starts to serve a context.
  Context* add(Owner owner, ipc::Channel* channel);
  /// nullptr if there is no such context any more.
  Context* find(Owner owner) {
    Context* context = by_slot_[slot_of(owner)];
    return context != nullptr && context->owner == owner ? context : nullptr;
  }
  /// No longer serves it: it stays findable until remove().
  void leave(Context& context);
  void remove(Context& context);

  /// Contexts that are served.
  std::span<Context* const> serving() const { return {serving_.data(), serving_.size()}; }
  /// Their channels, in the same order.
  std::span<ipc::Channel* const> channels() const { return {channels_.data(), channels_.size()}; }
  /// Contexts that are not served any more and not removed yet.
  std::span<Context* const> leaving() const { return {leaving_.data(), leaving_.size()}; }

 private:
  Slab<Context> contexts_;
  std::vector<Context*> by_slot_;
  std::vector<Context*> serving_;
  std::vector<ipc::Channel*> channels_;
  std::vector<Context*> leaving_;
};

}  // namespace millrace
