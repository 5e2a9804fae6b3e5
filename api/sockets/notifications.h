// Notifications (RFC 6458 6.1) in the layouts of <linux/sctp.h>.
#pragma once

#include <string>

#include "api/sockets/socket.h"

namespace millrace::sockets {

std::string association_change(const Association& association, int state, int error);
std::string address_change(const Association& association, const mr_event& event,
                           const Socket& socket);
std::string shutdown_event(const Association& association);
std::string send_failed(const Association& association, const mr_event& event);
std::string send_failed_event(const Association& association, const mr_event& event);
std::string sender_dry(const Association& association);

/// A message, or a piece of one, as something to receive.
Item item_of(const std::shared_ptr<Association>& association, const mr_event& event);

}  // namespace millrace::sockets
