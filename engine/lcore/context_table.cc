#include "engine/lcore/context_table.h"

#include <algorithm>

namespace millrace {

ContextTable::ContextTable(std::size_t contexts_max)
    : contexts_(contexts_max), by_slot_(kContextsMax, nullptr) {
  MR_ASSERT(contexts_max <= kContextsMax);
  serving_.reserve(contexts_max);
  channels_.reserve(contexts_max);
  leaving_.reserve(contexts_max);
}

Context* ContextTable::add(Owner owner, ipc::Channel* channel) {
  MR_ASSERT(by_slot_[slot_of(owner)] == nullptr);
  Context* context = contexts_.create();
  MR_ASSERT(context != nullptr);  // the main thread counts contexts
  context->owner = owner;
  context->channel = channel;
  by_slot_[slot_of(owner)] = context;
  serving_.push_back(context);
  channels_.push_back(channel);
  return context;
}

void ContextTable::leave(Context& context) {
  if (context.is_leaving) return;
  context.is_leaving = true;
  const auto found = std::find(serving_.begin(), serving_.end(), &context);
  channels_.erase(channels_.begin() + (found - serving_.begin()));
  serving_.erase(found);
  leaving_.push_back(&context);
}

void ContextTable::remove(Context& context) {
  MR_ASSERT(context.is_leaving);
  leaving_.erase(std::find(leaving_.begin(), leaving_.end(), &context));
  by_slot_[slot_of(context.owner)] = nullptr;
  contexts_.destroy(&context);
}

}  // namespace millrace
