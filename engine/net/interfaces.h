// The engine's interfaces and the addresses that are ours.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/base/address.h"
#include "engine/base/hash.h"
#include "engine/base/limits.h"
#include "engine/net/config.h"
#include "engine/net/packet.h"

namespace millrace::net {

struct Interface {
  std::string name;
  std::uint8_t port = 0;
  std::uint16_t vlan = 0;
  std::uint16_t mtu = 0;
  MacAddress mac{};
  bool checksum_by_port = false;
  std::vector<Prefix> addresses;
};

/// An address of ours.
struct LocalAddress {
  IpAddress address;
  std::uint8_t interface_index = 0;
};

/// Knows which interface a frame came in on and which addresses are ours. Never changes.
class Interfaces {
 public:
  static constexpr int kNone = -1;

  explicit Interfaces(const StackConfig& config);

  std::size_t size() const { return interfaces_.size(); }
  const Interface& at(std::size_t index) const { return interfaces_[index]; }

  /// The interface of a VLAN of a port, kNone if there is none.
  int find(std::size_t port, std::uint16_t vlan) const;

  /// The interface that has this address, kNone if it is not ours. Loopback belongs to none.
  int owner_of(const IpAddress& address) const;

  /// The address of ours on this interface to talk to `destination` from: the one whose network it
  /// is in, otherwise the first of its version. Unspecified if the interface has none.
  IpAddress source_on(std::size_t index, const IpAddress& destination) const;

  std::span<const LocalAddress> local_addresses() const { return locals_; }

 private:
  static constexpr std::size_t kSlots = 256;
  static_assert(kSlots >= 4 * kLocalAddressesMax);

  HashKey key_;
  std::vector<Interface> interfaces_;
  std::vector<LocalAddress> locals_;
  std::array<std::uint8_t, kSlots> slots_{};  // 1 + index into locals_, open addressing; 0: empty
};

}  // namespace millrace::net
