#include "drivers/kernel_link.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

namespace millrace::drivers {

std::string kernel_interface(const std::string& device) {
  static constexpr std::string_view kArgument = ",iface=";
  const std::size_t found = device.find(kArgument);
  if (found == std::string::npos) return "";
  const std::string rest = device.substr(found + kArgument.size());
  return rest.substr(0, rest.find(','));
}

LinkState kernel_link(const std::string& interface) {
  LinkState link;
  if (interface.empty() || interface.size() >= IFNAMSIZ) return link;
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return link;
  ifreq request{};
  std::memcpy(request.ifr_name, interface.data(), interface.size());
  if (ioctl(socket, SIOCGIFFLAGS, &request) == 0) {
    const auto flags = static_cast<unsigned>(request.ifr_flags);
    link.is_up = (flags & IFF_UP) != 0 && (flags & IFF_RUNNING) != 0;
  }
  ethtool_cmd command{};
  command.cmd = ETHTOOL_GSET;
  request.ifr_data = reinterpret_cast<char*>(&command);
  if (link.is_up && ioctl(socket, SIOCETHTOOL, &request) == 0) {
    const std::uint32_t speed = ethtool_cmd_speed(&command);
    link.speed_mbps = speed == static_cast<std::uint32_t>(SPEED_UNKNOWN) ? 0 : speed;
    link.is_full_duplex = command.duplex == DUPLEX_FULL;
  }
  close(socket);
  return link;
}

}  // namespace millrace::drivers
