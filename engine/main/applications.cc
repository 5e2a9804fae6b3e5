#include "engine/main/applications.h"

#include <algorithm>

#include "engine/main/log.h"

namespace millrace {

Applications::Applications(Dispatcher& dispatcher, std::size_t lcores, std::size_t contexts_max,
                           OnExit on_exit)
    : dispatcher_(dispatcher), lcores_(lcores), on_exit_(on_exit), slots_(contexts_max) {}

void Applications::on_attach_event(const ipc::AttachEvent& event) {
  if (event.kind == ipc::AttachEvent::Kind::attached) return attach(event);
  Slot* slot = find(event.application.context);
  if (slot == nullptr) return server_->destroy(event.application.context);
  spdlog::info("application {} (context {}, process {}) is gone: {}", slot->name, slot->context,
               event.application.pid, event.why);
  slot->is_gone = true;
  const auto number = static_cast<std::uint32_t>(slot - slots_.data());
  // An application that broke the rules is not waited for.
  detach(number, slot->is_evicted ? OnExit::kAbort : on_exit_);
  forget_if_done(number);
}

void Applications::attach(const ipc::AttachEvent& event) {
  const auto free = std::find_if(slots_.begin(), slots_.end(),
                                 [](const Slot& slot) { return slot.context == 0; });
  MR_ASSERT(free != slots_.end());  // the server counts contexts
  const auto number = static_cast<std::uint32_t>(free - slots_.begin());
  const std::uint32_t serial = free->serial % (kContextsMax * 64) + 1;
  *free = Slot{};
  free->context = event.application.context;
  free->serial = serial;
  free->name = event.application.name;
  ++count_;
  for (std::size_t lcore = 0; lcore < lcores_; ++lcore) {
    Order order;
    order.kind = Order::Kind::kAttach;
    order.owner = owner_of(number, serial);
    order.channel = event.channels[lcore];
    dispatcher_.give(lcore, order);
  }
  spdlog::info("application {} attached: context {}, process {}, user {}, {} KiB{}", free->name,
               free->context, event.application.pid, event.application.uid,
               event.application.memory_bytes >> 10,
               event.application.huge_pages ? " in huge pages" : "");
}

void Applications::detach(std::uint32_t number, OnExit how) {
  Slot& slot = slots_[number];
  if (slot.is_leaving) return;
  slot.is_leaving = true;
  slot.lcores_left = lcores_;
  Order order;
  order.kind = Order::Kind::kDetach;
  order.owner = owner_of(number, slot.serial);
  order.gracefully = how == OnExit::kShutdown;
  dispatcher_.give_all(order);
}

void Applications::on_report(std::size_t lcore, const Report& report) {
  const std::uint32_t number = slot_of(report.owner);
  Slot& slot = slots_[number];
  if (slot.context == 0 || owner_of(number, slot.serial) != report.owner) return;
  if (report.kind == Report::Kind::kEvicted) {
    spdlog::warn("application {} (context {}) is detached by lcore {}: {}", slot.name, slot.context,
                 lcore, ipc::offence_name(report.offence));
    slot.is_evicted = true;
    server_->evict(slot.context, report.offence);
    return;
  }
  --slot.lcores_left;
  forget_if_done(number);
}

void Applications::forget_if_done(std::uint32_t number) {
  Slot& slot = slots_[number];
  if (!slot.is_leaving || slot.lcores_left > 0) return;
  if (!slot.is_gone && !is_stopping_) return;
  // One that the engine itself ends keeps its memory until the server goes.
  if (slot.is_gone) server_->destroy(slot.context);
  slot.context = 0;
  --count_;
}

void Applications::detach_all(OnExit how) {
  is_stopping_ = true;
  for (std::uint32_t number = 0; number < slots_.size(); ++number) {
    if (slots_[number].context == 0) continue;
    detach(number, how);
    forget_if_done(number);
  }
}

ipc::ContextId Applications::context_of(Owner owner) const {
  const Slot& slot = slots_[slot_of(owner) % slots_.size()];
  return owner_of(slot_of(owner), slot.serial) == owner ? slot.context : 0;
}

std::string Applications::name_of(Owner owner) const {
  const ipc::ContextId context = context_of(owner);
  if (context == 0) return "";
  return slots_[slot_of(owner) % slots_.size()].name + "[" + std::to_string(context) + "]";
}

Applications::Slot* Applications::find(ipc::ContextId context) {
  const auto found = std::find_if(slots_.begin(), slots_.end(),
                                  [&](const Slot& slot) { return slot.context == context; });
  return found == slots_.end() ? nullptr : &*found;
}

}  // namespace millrace
