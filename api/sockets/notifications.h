// Notifications (RFC 6458 6.1) in the layouts of <linux/sctp.h>.
#pragma once

#include <string>
#include <string_view>

#include "api/sockets/socket.h"

namespace millrace::sockets {

/// `abort_chunk`: the peer's ABORT, if that is what has ended it.
std::string association_change(const Association& association, int state, int error,
                               std::string_view abort_chunk = {});
std::string address_change(const Association& association, const mr_event& event,
                           const Socket& socket);
std::string address_change(const Association& association, const mr_address& about, int state,
                           const Socket& socket);
std::string shutdown_event(const Association& association);
std::string send_failed(const Association& association, const mr_event& event);
std::string send_failed_event(const Association& association, const mr_event& event);
std::string sender_dry(const Association& association);
std::string remote_error(const Association& association, const mr_event& event);
std::string adaptation_indication(const Association& association);
std::string delivery_aborted(const Association& association);

/// A message, or a piece of one, as something to receive.
Item item_of(const std::shared_ptr<Association>& association, const mr_event& event);

}  // namespace millrace::sockets
