// Application contexts, from attach until no lcore has anything of them left.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/ipc/attach.h"
#include "engine/main/config.h"
#include "engine/main/dispatcher.h"

namespace millrace {

/// Decides: which number a context has in the shards, and when its memory may go. Main thread only.
class Applications {
 public:
  Applications(Dispatcher& dispatcher, std::size_t lcores, std::size_t contexts_max,
               OnExit on_exit);

  /// The server whose contexts these are. It outlives this.
  void serve(ipc::AttachServer& server) { server_ = &server; }

  void on_attach_event(const ipc::AttachEvent& event);
  void on_report(std::size_t lcore, const Report& report);

  /// The engine stops: every context leaves.
  void detach_all(OnExit how);
  /// Contexts that are attached, or not wholly gone yet.
  std::size_t count() const { return count_; }

  /// The context behind an owner; 0 if there is none any more.
  ipc::ContextId context_of(Owner owner) const;
  /// "echo[3]": the name and the context of an owner, also of one that is leaving; empty if there
  /// is none any more.
  std::string name_of(Owner owner) const;

 private:
  struct Slot {
    ipc::ContextId context = 0;  ///< 0: free
    std::uint32_t serial = 0;
    std::size_t lcores_left = 0;  ///< when leaving: those that have not let go of it
    bool is_leaving = false;
    bool is_evicted = false;
    bool is_gone = false;  ///< the server has said so: it may be destroyed
    std::string name;
  };

  void attach(const ipc::AttachEvent& event);
  void detach(std::uint32_t slot, OnExit how);
  void forget_if_done(std::uint32_t slot);
  Slot* find(ipc::ContextId context);

  Dispatcher& dispatcher_;
  ipc::AttachServer* server_ = nullptr;
  std::size_t lcores_;
  OnExit on_exit_;
  std::vector<Slot> slots_;
  std::size_t count_ = 0;
  bool is_stopping_ = false;
};

}  // namespace millrace
