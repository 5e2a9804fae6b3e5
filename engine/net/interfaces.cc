#include "engine/net/interfaces.h"

#include "engine/net/address_hash.h"

namespace millrace::net {

Interfaces::Interfaces(const StackConfig& config) : key_(config.seed) {
  for (const InterfaceConfig& from : config.interfaces) {
    const auto index = static_cast<std::uint8_t>(interfaces_.size());
    const std::uint16_t mtu = from.mtu == 0 ? from.traits.mtu : from.mtu;
    interfaces_.push_back({from.name, from.port, from.vlan, mtu, from.traits.mac,
                           from.traits.sctp_checksum_on_send, from.addresses});
    for (const Prefix& prefix : from.addresses) {
      std::size_t slot = hash_address(key_, prefix.address) % kSlots;
      while (slots_[slot] != 0) slot = (slot + 1) % kSlots;
      locals_.push_back({prefix.address, index});
      slots_[slot] = static_cast<std::uint8_t>(locals_.size());
    }
  }
}

int Interfaces::find(std::size_t port, std::uint16_t vlan) const {
  for (std::size_t i = 0; i < interfaces_.size(); ++i) {
    if (interfaces_[i].port == port && interfaces_[i].vlan == vlan) return static_cast<int>(i);
  }
  return kNone;
}

int Interfaces::owner_of(const IpAddress& address) const {
  std::size_t slot = hash_address(key_, address) % kSlots;
  while (slots_[slot] != 0) {
    const LocalAddress& local = locals_[slots_[slot] - 1u];
    if (local.address == address) return local.interface_index;
    slot = (slot + 1) % kSlots;
  }
  return kNone;
}

IpAddress Interfaces::source_on(std::size_t index, const IpAddress& destination) const {
  IpAddress first;
  for (const Prefix& prefix : interfaces_[index].addresses) {
    if (prefix.contains(destination)) return prefix.address;
    const bool is_usable =
        prefix.address.is_v4() == destination.is_v4() && !prefix.address.is_link_local();
    if (is_usable && first.is_unspecified()) first = prefix.address;
  }
  return first;
}

}  // namespace millrace::net
