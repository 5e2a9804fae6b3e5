// Receiving, and what poll says.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "api/sockets/memory.h"
#include "api/sockets/process.h"
#include "api/sockets/socket.h"

namespace millrace::sockets {

/// Copies what is next into the parts. The item stays until consume().
ssize_t Socket::receive(ReceiveRequest& request) {
  if (is_one_to_one() && is_listening_) return -ENOTCONN;
  if (items.empty()) {
    const bool has_peer = was_connected_ || !associations.empty();
    if (is_one_to_one() && !has_peer && !shut_read_) return -ENOTCONN;
    const bool leaves_error = (request.flags & kLeavesError) != 0;
    if (error_ != 0) return leaves_error ? -error_ : -take_error();
    if (was_aborted_) return -ENOTCONN;
    if (input_ended_ || shut_read_) return 0;
    if (is_one_to_one() && associations.empty()) return -ENOTCONN;
    return -EAGAIN;
  }
  Item& item = items.front();
  std::size_t copied = 0;
  for (std::size_t i = 0; i < request.part_count; ++i) {
    const std::size_t at = item.taken + copied;
    const std::size_t count = std::min(request.parts[i].iov_len, item.data.size() - at);
    if (!can_write(request.parts[i].iov_base, count)) return -EFAULT;
    if (count > 0) std::memcpy(request.parts[i].iov_base, item.data.data() + at, count);
    copied += count;
  }
  const bool is_whole = item.taken + copied == item.data.size();
  if (is_whole && item.is_last) request.result_flags |= MSG_EOR;
  if (item.is_notification) request.result_flags |= MSG_NOTIFICATION;
  request.item = &item;
  request.from = {item.association->primary, item.association->peer_port};
  return static_cast<ssize_t>(copied);
}

/// The call is done with `bytes` of the item, unless it only wanted to look.
void Socket::consume(ReceiveRequest& request, std::size_t bytes) {
  if (request.item == nullptr || (request.flags & MSG_PEEK) != 0) return;
  Item& item = items.front();
  Association& association = *item.association;
  item.taken += bytes;
  if (!item.is_notification) {
    const auto count = static_cast<std::uint32_t>(bytes);
    association.queued -= std::min(count, association.queued);
    association.owed += count;
    const std::uint32_t step = association.options.parameters[MR_RECEIVE_BUFFER] / 4;
    if (association.queued == 0 || association.owed >= step) {
      mr_consumed(Process::get().context(), association.handle, association.owed);
      association.owed = 0;
    }
  }
  if (item.taken < item.data.size()) return;
  items.pop_front();
  request.item = nullptr;
  if (items.empty()) refresh();
}

std::size_t Socket::bytes_readable() const {
  return items.empty() ? 0 : items.front().data.size() - items.front().taken;
}

void Socket::set_full(Association& association, bool is_full) {
  if (association.is_full == is_full) return;
  association.is_full = is_full;
  if (association.socket == nullptr) return;
  is_full ? ++association.socket->full_associations_ : --association.socket->full_associations_;
}

void Socket::refresh_for_more() {
  const int descriptor = kept_ >= 0 ? kept_ : descriptors.empty() ? -1 : descriptors.front();
  if (is_edge_triggered && !is_remote()) descriptor_.poke(descriptor);
  refresh();
}

void Socket::refresh() {
  if (is_remote()) return wake_all(waiters);
  bool readable = !items.empty() || error_ != 0 || input_ended_ || shut_read_;
  bool writable;
  if (!is_one_to_one()) {
    writable = full_associations_ == 0;
  } else if (is_listening_) {
    readable = !accept_queue_.empty() || (listener == 0 && error_ != 0);
    writable = false;
  } else {
    const Association* only = association(0);
    const bool is_up = only != nullptr && only->state == Association::State::up;
    writable = error_ != 0 || (is_up && !only->is_full);
  }
  if (input_ended_ || shut_read_) {
    if (shut_write_ && !has_hung_up_) {
      descriptor_.show_hang_up();
      has_hung_up_ = true;
    } else if (!has_hung_up_) {
      descriptor_.show_end_of_input();
    }
  }
  // After the end: who waits must not see that it is readable before it sees why.
  const int end = kept_ >= 0 ? kept_ : descriptors.empty() ? -1 : descriptors.front();
  descriptor_.show(end, readable, writable);
  wake_all(waiters);
}

}  // namespace millrace::sockets
