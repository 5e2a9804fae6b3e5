// An association with what a shard keeps about it.
#pragma once

#include "engine/assoc/association.h"
#include "engine/base/list.h"
#include "engine/shard/share.h"

namespace millrace {

struct ReadyTag {};
struct SendingTag {};
struct OwnedTag {};

/// Lives in the shard's slab; its index and `generation` make its handle.
struct Slot : ListNode<Slot, OwnedTag>, ListNode<Slot, ReadyTag>, ListNode<Slot, SendingTag> {
  Slot(Resources& resources, const Identity& identity, const Parameters& parameters,
       std::uint64_t locals)
      : association(resources, identity, parameters, locals) {}

  // What packets touch, and then of the association what they touch, lies together.
  std::uint64_t context = 0;  ///< of the listener or the connect request
  std::uint64_t messages_sent = 0;
  Usage counted;  ///< what its owner's account has of it
  std::uint32_t owner = 0;
  std::uint32_t generation = 0;
  std::uint32_t indexed_tag = 0;   ///< 0: not in the tables
  std::uint8_t indexed_paths = 0;  ///< how many addresses are in the directory
  bool is_postponed = false;       ///< in the list of those whose owner had no room
  bool is_peers_count = false;     ///< counted among the associations of its peer's address
  bool is_orphan = false;          ///< its owner is gone: nobody is told anything
  bool claims_port = false;        ///< its local port is its owner's
  Association association;
  Time cookie_expires{};  ///< the last cookie with its tag is good until then
};

}  // namespace millrace
