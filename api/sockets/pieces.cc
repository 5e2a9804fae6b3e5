// Messages that come in pieces, and what must not come between them (RFC 6458 8.1.20).
#include <utility>

#include "api/sockets/notifications.h"
#include "api/sockets/process.h"
#include "api/sockets/socket.h"

namespace millrace::sockets {

/// Whether something waits until the message that is read in pieces has ended: of the same
/// association always, as without the interleaving extension, and with level 0 of any.
bool Socket::must_wait(const Item& item) const {
  const Association& of = *item.association;
  if (of.is_in_pieces) return item.is_notification || item.is_first;
  return interleave_ == 0 && associations_in_pieces_ > 0;
}

void Socket::set_in_pieces(Association& association, bool is_in_pieces) {
  if (association.is_in_pieces == is_in_pieces) return;
  association.is_in_pieces = is_in_pieces;
  if (association.socket == nullptr) return;
  is_in_pieces ? ++association.socket->associations_in_pieces_
               : --association.socket->associations_in_pieces_;
}

//= rfc6458 8.1.20
void Socket::queue(Item item) {
  Association& association = *item.association;
  if (!item.is_notification) association.queued += static_cast<std::uint32_t>(item.data.size());
  if (stamps != 0 && item.arrived.tv_sec == 0) clock_gettime(CLOCK_REALTIME, &item.arrived);
  if (must_wait(item)) {
    held.push_back(std::move(item));
    return;
  }
  const bool ends_pieces = !item.is_notification && !item.is_first && item.is_last;
  if (!item.is_notification && item.is_first && !item.is_last) {
    set_in_pieces(association, true);
    association.piece_stream = item.stream;
    association.piece_ssn = item.ssn;
  }
  items.push_back(std::move(item));
  if (ends_pieces) {
    set_in_pieces(association, false);
    release_held();
  }
  refresh_for_more();
}

/// What was held back, in its order, as far as it may come now.
void Socket::release_held() {
  std::deque<Item> waiting;
  waiting.swap(held);
  for (Item& item : waiting) {
    if (!item.is_notification)
      item.association->queued -= static_cast<std::uint32_t>(item.data.size());
    queue(std::move(item));
  }
}

/// Of the message of an association whose end has not come, what is held back is not read.
void Socket::drop_held_pieces(Association& association) {
  bool is_ended = false;
  std::uint32_t bytes = 0;
  for (auto at = held.end(); at != held.begin() && !is_ended;) {
    --at;
    if (at->association.get() != &association || at->is_notification) continue;
    if (at->is_last) break;
    is_ended = at->is_first;
    bytes += static_cast<std::uint32_t>(at->data.size());
    at = held.erase(at);
  }
  association.queued -= bytes;
  if (bytes > 0) mr_consumed(Process::get().context(), association.handle, bytes);
}

/// The rest of a message will never come: the association has ended, or the peer begun anew.
void Socket::end_pieces(const std::shared_ptr<Association>& association) {
  if (!association->is_in_pieces) return drop_held_pieces(*association);
  set_in_pieces(*association, false);
  if (wants(*association, SCTP_PARTIAL_DELIVERY_EVENT))
    notify(association, delivery_aborted(*association));
  release_held();
}

}  // namespace millrace::sockets
