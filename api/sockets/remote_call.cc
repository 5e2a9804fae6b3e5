#include "api/sockets/remote_call.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "api/millrace.h"
#include "api/sockets/real_calls.h"

namespace millrace::sockets {
namespace {

constexpr std::uint32_t kPartMax = MR_MESSAGE_BYTES_MAX + 65536;

/// Of a descriptor too, if there is one: it goes with the first byte.
ssize_t send_some(int channel, const void* from, std::size_t length, int flags, int descriptor) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof descriptor)] = {};
  iovec part{const_cast<void*>(from), length};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (descriptor >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof descriptor);
    std::memcpy(CMSG_DATA(head), &descriptor, sizeof descriptor);
  }
  ssize_t sent;
  do {
    sent = real().sendmsg(channel, &message, flags | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

/// A descriptor that comes along is the caller's, instead of one that came before.
ssize_t receive_some(int channel, void* to, std::size_t length, int flags, int& descriptor) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof descriptor)] = {};
  iovec part{to, length};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = CMSG_LEN(sizeof descriptor);  // and not of two, for which there is space
  ssize_t got;
  do {
    got = real().recvmsg(channel, &message, flags | MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return got;
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
       head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_type != SCM_RIGHTS) continue;
    if (descriptor >= 0) real().close(descriptor);
    std::memcpy(&descriptor, CMSG_DATA(head), sizeof descriptor);
  }
  return got;
}

bool write_all(int channel, const char* from, std::size_t length, int descriptor = -1) {
  while (length > 0) {
    const ssize_t sent = send_some(channel, from, length, 0, std::exchange(descriptor, -1));
    if (sent <= 0) return false;
    from += sent;
    length -= static_cast<std::size_t>(sent);
  }
  return true;
}

bool read_all(int channel, void* to, std::size_t length, int& descriptor) {
  auto* bytes = static_cast<char*>(to);
  while (length > 0) {
    const ssize_t got = receive_some(channel, bytes, length, 0, descriptor);
    if (got <= 0) return false;
    bytes += got;
    length -= static_cast<std::size_t>(got);
  }
  return true;
}

/// All of it, with the lengths of its parts.
std::string bytes_of(RemoteCall& call) {
  const std::string* parts[] = {&call.name, &call.control, &call.data};
  for (int i = 0; i < 3; ++i) call.head.lengths[i] = static_cast<std::uint32_t>(parts[i]->size());
  std::string bytes(reinterpret_cast<const char*>(&call.head), sizeof call.head);
  for (const std::string* part : parts) bytes += *part;
  return bytes;
}

bool are_allowed(const std::uint32_t (&lengths)[3]) {
  return std::all_of(std::begin(lengths), std::end(lengths),
                     [](std::uint32_t length) { return length <= kPartMax; });
}

/// What comes behind the head.
void take_parts(RemoteCall& call, const char* bytes) {
  std::string* parts[] = {&call.name, &call.control, &call.data};
  for (int i = 0; i < 3; ++i) {
    parts[i]->assign(bytes, call.head.lengths[i]);
    bytes += call.head.lengths[i];
  }
}

std::size_t length_of_parts(const RemoteCall::Head& head) {
  return std::size_t{head.lengths[0]} + head.lengths[1] + head.lengths[2];
}

}  // namespace

bool RemoteCall::send(int channel) {
  const std::string bytes = bytes_of(*this);
  return write_all(channel, bytes.data(), bytes.size(), descriptor);
}

bool RemoteCall::receive(int channel) {
  descriptor = -1;
  std::string bytes;
  if (read_all(channel, &head, sizeof head, descriptor) && are_allowed(head.lengths)) {
    bytes.resize(length_of_parts(head));
    if (read_all(channel, bytes.data(), bytes.size(), descriptor)) {
      take_parts(*this, bytes.data());
      return true;
    }
  }
  close_descriptor();
  return false;
}

void RemoteCall::close_descriptor() {
  if (descriptor >= 0) real().close(std::exchange(descriptor, -1));
}

/// Of the head first, and then of all.
bool Channel::is_whole(std::size_t& wanted) {
  wanted = sizeof call.head;
  if (bytes_.size() < wanted) return false;
  std::memcpy(&call.head, bytes_.data(), sizeof call.head);
  wanted = are_allowed(call.head.lengths) ? wanted + length_of_parts(call.head) : 0;
  return bytes_.size() == wanted;
}

Channel::Progress Channel::read() {
  std::size_t wanted;
  while (!is_whole(wanted)) {
    if (wanted == 0) return Progress::gone;
    const std::size_t had = bytes_.size();
    bytes_.resize(wanted);
    const ssize_t got =
        receive_some(descriptor, bytes_.data() + had, wanted - had, MSG_DONTWAIT, call.descriptor);
    const bool must_wait = got < 0 && errno == EAGAIN;
    bytes_.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got <= 0) return must_wait ? Progress::none : Progress::gone;
  }
  take_parts(call, bytes_.data() + sizeof call.head);
  bytes_.clear();
  return Progress::whole;
}

void Channel::begin_answer() {
  bytes_ = bytes_of(call);
  is_answering_ = true;
}

Channel::Progress Channel::write() {
  std::size_t sent = 0;
  Progress progress = Progress::whole;
  int along = call.descriptor;  // until the first byte has gone
  if (bytes_.size() < sizeof call.head + length_of_parts(call.head)) along = -1;
  while (sent < bytes_.size() && progress == Progress::whole) {
    const ssize_t some =
        send_some(descriptor, bytes_.data() + sent, bytes_.size() - sent, MSG_DONTWAIT, along);
    if (some > 0) {
      sent += static_cast<std::size_t>(some);
      along = -1;
    } else {
      progress = some < 0 && errno == EAGAIN ? Progress::none : Progress::gone;
    }
  }
  bytes_.erase(0, sent);
  is_answering_ = progress == Progress::none;
  return progress;
}

}  // namespace millrace::sockets
