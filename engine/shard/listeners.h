// Who listens on which port, at which of our addresses.
//
// An owner may have several listeners at a port: each has addresses of its own, or shares them with
// others that agreed to. A packet is for the one that is reached where it went.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/assoc/local_set.h"
#include "engine/assoc/parameters.h"
#include "engine/base/address.h"
#include "engine/base/prefetch.h"
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
  bool is_shared = false;                  ///< others of the owner's may listen at these, too
  std::uint64_t context = 0;               ///< comes back with each association's kUp event; names
                                           ///< it among the owner's listeners at the port
  const Parameters* parameters = nullptr;  ///< nullptr: the shard's defaults
};

/// A port that accepts associations at some of our addresses, as one shard sees it.
struct Listener {
  Owner owner = 0;
  std::uint16_t port = 0;
  bool is_shared = false;
  LocalSet locals = 0;  ///< that it is bound to
  std::uint64_t context = 0;
  std::uint32_t number = 0;  ///< in the cookies that it gives (Steering::number_of_listener())
  Parameters parameters;
  TokenBucket inits{};       ///< that were answered
  Listener* next = nullptr;  ///< at the same port, later

  // Sockets are told apart more finely, by options and by whether they listen
  // (Socket::is_rival_of()): their library says of each that it is shared, and the engine keeps
  // applications apart by this.
  bool excludes(const Listener& other) const {
    const bool meet = locals == 0 || other.locals == 0 || (locals & other.locals) != 0;
    return context == other.context || (meet && !(is_shared && other.is_shared));
  }
};

/// One listener as the operator sees it.
struct ListenerStatus {
  Owner owner = 0;
  std::uint16_t port = 0;
  LocalSet locals = 0;
  std::uint64_t context = 0;
};

/// All listeners of a port are one owner's. One thread.
class Listeners {
 public:
  /// An INIT may have to look at each of them.
  static constexpr std::size_t kOfPortMax = 128;

  explicit Listeners(std::size_t capacity) : slab_(capacity), by_port_(65536, nullptr) {}

  /// Starts to bring nearer what first() looks at.
  void prefetch(std::uint16_t port) const {
    millrace::prefetch(&by_port_[port], sizeof by_port_[0]);
  }
  /// The first listener at a port; the others follow by `next`, in the order that they came in.
  Listener* first(std::uint16_t port) const { return by_port_[port]; }

  /// The one that `is_reached(locals)` is true of. Of several each has its part of the peers, by
  /// `number_of_peer()`, which follows from the peer alone.
  template <class IsReached, class NumberOfPeer>
  Listener* find(std::uint16_t port, IsReached&& is_reached, NumberOfPeer&& number_of_peer) const {
    const auto from = [&](Listener* one) {
      while (one != nullptr && !is_reached(one->locals)) one = one->next;
      return one;
    };
    Listener* const found = from(by_port_[port]);
    if (found == nullptr || !found->is_shared) [[likely]]
      return found;
    std::uint64_t count = 0;
    for (Listener* one = found; one != nullptr; one = from(one->next)) ++count;
    Listener* chosen = found;
    for (std::uint64_t left = number_of_peer() % count; left > 0; --left)
      chosen = from(chosen->next);
    return chosen;
  }

  /// Whether an owner that has `held` may have one more.
  bool has_share(std::size_t held) const { return may_take(kOwnerShare, held, slab_); }

  LimitUse use() const { return use_of("listeners_max", slab_, Counter::requests_over_share); }

  /// False if there is no room. None of the port's listeners excludes it.
  bool add(const Listener& listener) {
    Listener** link = &by_port_[listener.port];
    for (std::size_t there = 0; *link != nullptr; link = &(*link)->next) {
      if (++there == kOfPortMax) return false;
    }
    *link = slab_.create(listener);
    return *link != nullptr;
  }

  /// Fills in up to `out.size()` listeners from `cursor` on, which is 0 at first; returns how many,
  /// and where to go on.
  std::size_t snapshot(std::uint32_t& cursor, std::span<ListenerStatus> out) const {
    std::size_t count = 0;
    std::uint32_t port = cursor >> kPlaceBits;
    std::uint32_t place = cursor & kPlaceMask;  // among those of the port
    for (; port < by_port_.size() && count < out.size(); ++port, place = 0) {
      const Listener* one = by_port_[port];
      for (std::uint32_t i = 0; i < place && one != nullptr; ++i) one = one->next;
      for (; one != nullptr && count < out.size(); one = one->next, ++place)
        out[count++] = {one->owner, one->port, one->locals, one->context};
      if (one != nullptr) break;
    }
    cursor = port << kPlaceBits | place;
    return count;
  }

  /// False if the owner has none of this context at the port.
  bool remove(Owner owner, std::uint16_t port, std::uint64_t context) {
    Listener** link = &by_port_[port];
    while (*link != nullptr && ((*link)->owner != owner || (*link)->context != context))
      link = &(*link)->next;
    if (*link == nullptr) return false;
    unlink(link);
    return true;
  }

  /// Removes all of `owner`, and calls `removed(port)` for each.
  template <class Removed>
  void remove_of(Owner owner, Removed&& removed) {
    for (std::size_t port = 0; port < by_port_.size() && slab_.used() > 0; ++port) {
      while (by_port_[port] != nullptr && by_port_[port]->owner == owner) {
        unlink(&by_port_[port]);
        removed(static_cast<std::uint16_t>(port));
      }
    }
  }

 private:
  static constexpr unsigned kPlaceBits = 8;
  static constexpr std::uint32_t kPlaceMask = (1u << kPlaceBits) - 1;
  static_assert(kOfPortMax <= kPlaceMask);

  void unlink(Listener** link) {
    Listener* gone = *link;
    *link = gone->next;
    slab_.destroy(gone);
  }

  Slab<Listener> slab_;
  std::vector<Listener*> by_port_;
};

}  // namespace millrace
