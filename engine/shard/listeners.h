// Who listens on which port.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/assoc/parameters.h"
#include "engine/base/address.h"
#include "engine/base/slab.h"
#include "engine/shard/shard_limits.h"
#include "engine/shard/share.h"

namespace millrace {

/// Whoever owns associations and listeners: an application context, numbered by the engine. 0 is
/// nobody.
using Owner = std::uint32_t;

struct ListenRequest {
  Owner owner = 0;
  std::uint16_t port = 0;                  ///< not 0
  std::span<const IpAddress> addresses;    ///< empty: all local addresses
  std::uint64_t context = 0;               ///< comes back with each association's kUp event
  const Parameters* parameters = nullptr;  ///< nullptr: the shard's defaults
};

/// A port that accepts associations, as one shard sees it.
struct Listener {
  Owner owner = 0;
  std::uint16_t port = 0;
  std::uint64_t locals = 0;  ///< bits of the local addresses that it is bound to; 0: all
  std::uint64_t context = 0;
  Parameters parameters;
  TokenBucket inits{};  ///< that were answered
};

/// One listener as the operator sees it.
struct ListenerStatus {
  Owner owner = 0;
  std::uint16_t port = 0;
  std::uint64_t locals = 0;  ///< bits of the local addresses; 0: all
};

/// At most one listener a port. One thread.
class Listeners {
 public:
  explicit Listeners(std::size_t capacity) : slab_(capacity), by_port_(65536, nullptr) {}

  Listener* find(std::uint16_t port) const { return by_port_[port]; }

  /// Whether an owner that has `held` may have one more.
  bool has_share(std::size_t held) const { return may_take(kOwnerShare, held, slab_); }

  LimitUse use() const { return use_of("listeners_max", slab_, Counter::requests_over_share); }

  /// False if there is no room. The port has no listener yet.
  bool add(const Listener& listener) {
    Listener* added = slab_.create(listener);
    if (added != nullptr) by_port_[listener.port] = added;
    return added != nullptr;
  }

  /// Fills in up to `out.size()` listeners from `port` on; returns how many, and where to go on.
  std::size_t snapshot(std::uint32_t& port, std::span<ListenerStatus> out) const {
    std::size_t count = 0;
    for (; port < by_port_.size() && count < out.size(); ++port) {
      const Listener* listener = by_port_[port];
      if (listener != nullptr) out[count++] = {listener->owner, listener->port, listener->locals};
    }
    return count;
  }

  void remove(std::uint16_t port) {
    slab_.destroy(by_port_[port]);
    by_port_[port] = nullptr;
  }

  /// Removes all of `owner`, and calls `removed(port)` for each.
  template <class Removed>
  void remove_of(Owner owner, Removed&& removed) {
    for (std::size_t i = 0; i < by_port_.size() && slab_.used() > 0; ++i) {
      if (by_port_[i] != nullptr && by_port_[i]->owner == owner) {
        remove(static_cast<std::uint16_t>(i));
        removed(static_cast<std::uint16_t>(i));
      }
    }
  }

 private:
  Slab<Listener> slab_;
  std::vector<Listener*> by_port_;
};

}  // namespace millrace
