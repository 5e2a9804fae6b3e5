// The link of an interface of the kernel.
#pragma once

#include <string>

#include "drivers/ethdev_port.h"

namespace millrace::drivers {

/// Among a virtual device's arguments ("iface=eth1"); empty if there is none.
std::string kernel_interface(const std::string& device);

/// Of an interface in the calling thread's network namespace: down if there is none.
LinkState kernel_link(const std::string& interface);

}  // namespace millrace::drivers
