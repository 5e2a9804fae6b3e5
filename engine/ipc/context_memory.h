// The shared memory of one context, made by the engine: channels and the transmit arena.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "engine/ipc/channel.h"
#include "engine/ipc/client_memory.h"
#include "engine/ipc/layout.h"
#include "engine/ipc/region.h"

namespace millrace::ipc {

/// Two sealed regions: one with the channels of all lcores, which both sides write, and the
/// transmit arena, which the engine maps read-only. Owns the engine's side of every channel.
class ContextMemory {
 public:
  /// nullptr, and `error` says why, when the memory cannot be had. `bell` as in Channel.
  static std::unique_ptr<ContextMemory> create(ContextId id, const Geometry& geometry,
                                               HugePages huge_pages, int bell, std::string& error);

  /// One per lcore, by the lcore's number.
  const std::vector<Channel*>& channels() const { return channel_pointers_; }
  const Geometry& geometry() const { return geometry_; }
  int channels_descriptor() const { return channels_.descriptor(); }
  int transmit_descriptor() const { return transmit_.descriptor(); }
  bool has_huge_pages() const { return channels_.has_huge_pages(); }

  /// For an application in this process (simulator, benchmark, tests): its side of this very
  /// memory, without a socket. Neither side may sleep. The ContextMemory has to outlive it. Once.
  ClientMemory local_client();

 private:
  ContextMemory() = default;

  Geometry geometry_;
  Region channels_;
  Region transmit_;
  Region transmit_writable_;  // only with local_client()
  std::vector<std::unique_ptr<Channel>> channel_;
  std::vector<Channel*> channel_pointers_;
};

}  // namespace millrace::ipc
