#include "api/sockets/ancillary.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace millrace::sockets {
namespace {

constexpr EventMask kDataIo = 1;
constexpr int kFlags = SCTP_UNORDERED | SCTP_ADDR_OVER | SCTP_ABORT | SCTP_EOF |
                       SCTP_SACK_IMMEDIATELY | SCTP_SENDALL | SCTP_PR_SCTP_MASK | SCTP_EOR;

template <class Layout>
bool read(const cmsghdr& head, Layout& layout) {
  if (head.cmsg_len != CMSG_LEN(sizeof layout)) return false;
  std::memcpy(&layout, CMSG_DATA(&head), sizeof layout);
  return true;
}

template <class Address>
bool add_address(const Address& address, SendInfo& info) {
  Endpoint endpoint;
  const auto* from = reinterpret_cast<const sockaddr*>(&address);
  if (read_endpoint(from, sizeof address, AF_INET6, endpoint) != 0) return false;
  info.more_addresses.push_back(endpoint.address);
  return true;
}

bool read_one(const cmsghdr& head, SendInfo& info) {
  switch (head.cmsg_type) {
    case SCTP_INIT:
      info.has_init = true;
      return read(head, info.init);
    case SCTP_SNDRCV: {
      sctp_sndrcvinfo sent;
      if (!read(head, sent) || (sent.sinfo_flags & ~kFlags) != 0) return false;
      info.has_values = true;
      info.values = {sent.sinfo_stream, sent.sinfo_flags, sent.sinfo_ppid, sent.sinfo_context,
                     sent.sinfo_timetolive};
      info.id = sent.sinfo_assoc_id;
      return true;
    }
    case SCTP_SNDINFO: {
      sctp_sndinfo sent;
      if (!read(head, sent) || (sent.snd_flags & ~kFlags) != 0) return false;
      info.has_values = true;
      info.values.stream = sent.snd_sid;
      info.values.flags = sent.snd_flags;
      info.values.ppid = sent.snd_ppid;
      info.values.context = sent.snd_context;
      info.id = sent.snd_assoc_id;
      return true;
    }
    case SCTP_PRINFO: {
      // Reliability that the peer was not asked for is full reliability.
      sctp_prinfo ignored;
      return read(head, ignored);
    }
    //= rfc6458 5.3.9
    case SCTP_DSTADDRV4: {
      sockaddr_in address{};
      address.sin_family = AF_INET;
      return read(head, address.sin_addr) && add_address(address, info);
    }
    case SCTP_DSTADDRV6: {
      sockaddr_in6 address{};
      address.sin6_family = AF_INET6;
      return read(head, address.sin6_addr) && add_address(address, info);
    }
    default:
      return false;
  }
}

class ControlWriter {
 public:
  explicit ControlWriter(msghdr& message)
      : message_(message), room_(message.msg_control != nullptr ? message.msg_controllen : 0) {
    message_.msg_controllen = 0;
  }
  template <class Layout>
  void put(int type, const Layout& layout, int& flags, int level = IPPROTO_SCTP) {
    if (used_ + CMSG_LEN(sizeof layout) > room_) {
      flags |= MSG_CTRUNC;
      return;
    }
    cmsghdr head{};
    head.cmsg_len = CMSG_LEN(sizeof layout);
    head.cmsg_level = level;
    head.cmsg_type = type;
    auto* at = static_cast<std::uint8_t*>(message_.msg_control) + used_;
    std::memcpy(at, &head, sizeof head);
    std::memcpy(at + CMSG_LEN(0), &layout, sizeof layout);
    used_ = std::min(used_ + CMSG_SPACE(sizeof layout), room_);
    message_.msg_controllen = used_;
  }

 private:
  msghdr& message_;
  std::size_t room_;
  std::size_t used_ = 0;
};

/// When it came; of what came before that was asked for, this very moment, as in Linux.
void write_time(const Socket& socket, const Item& item, ControlWriter& writer, int& flags) {
  timespec time = item.arrived;
  if (time.tv_sec == 0) clock_gettime(CLOCK_REALTIME, &time);
  if (socket.stamps == SO_TIMESTAMPNS) return writer.put(SCM_TIMESTAMPNS, time, flags, SOL_SOCKET);
  writer.put(SCM_TIMESTAMP, timeval{time.tv_sec, time.tv_nsec / 1000}, flags, SOL_SOCKET);
}

bool is_complete(const Item& item) {
  return item.is_first && item.is_last;
}

/// The old structure, with what is known of the next message.
//= rfc6458 5.3.3
sctp_extrcvinfo extended(const Socket& socket, const Item& item, std::uint16_t unordered) {
  sctp_extrcvinfo info{};
  info.serinfo_stream = item.stream;
  info.serinfo_ssn = item.ssn;
  info.serinfo_flags = unordered;
  info.serinfo_ppid = htonl(item.ppid);
  info.serinfo_context = item.association->options.context;
  info.serinfo_tsn = info.serinfo_cumtsn = item.tsn;
  info.serinfo_assoc_id = item.association->id;
  if (socket.items.size() < 2) return info;
  const Item& next = socket.items[1];
  info.serinfo_next_flags = SCTP_NEXT_MSG_AVAIL;
  if (is_complete(next)) info.serinfo_next_flags |= SCTP_NEXT_MSG_ISCOMPLETE;
  if (next.is_unordered) info.serinfo_next_flags |= SCTP_NEXT_MSG_IS_UNORDERED;
  if (next.is_notification) info.serinfo_next_flags |= SCTP_NEXT_MSG_IS_NOTIFICATION;
  info.serinfo_next_stream = next.stream;
  info.serinfo_next_aid = next.association->id;
  info.serinfo_next_length = static_cast<std::uint32_t>(next.data.size());
  info.serinfo_next_ppid = htonl(next.ppid);
  return info;
}

}  // namespace

int read_control(const msghdr& message, SendInfo& info) {
  if (message.msg_control == nullptr) return 0;
  for (const cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
       head = CMSG_NXTHDR(const_cast<msghdr*>(&message), const_cast<cmsghdr*>(head))) {
    const auto* at = reinterpret_cast<const std::uint8_t*>(head);
    const auto used =
        static_cast<std::size_t>(at - static_cast<const std::uint8_t*>(message.msg_control));
    if (head->cmsg_len < sizeof(cmsghdr) || head->cmsg_len > message.msg_controllen - used)
      return -EINVAL;
    if (head->cmsg_level == IPPROTO_SCTP && !read_one(*head, info)) return -EINVAL;
  }
  return 0;
}

void write_control(const Socket& socket, const ReceiveRequest& request, msghdr& message) {
  ControlWriter writer(message);
  int flags = 0;
  const Item* item = request.item;
  if (item != nullptr && socket.stamps != 0) write_time(socket, *item, writer, flags);
  if (item != nullptr && !item->is_notification) {
    const Association& association = *item->association;
    const std::uint16_t unordered =
        item->is_unordered ? std::uint16_t{SCTP_UNORDERED} : std::uint16_t{0};
    if (socket.wants_nxtinfo && socket.items.size() > 1) {
      const Item& next = socket.items[1];
      sctp_nxtinfo info{};
      info.nxt_sid = next.stream;
      info.nxt_ppid = htonl(next.ppid);
      info.nxt_length = static_cast<std::uint32_t>(next.data.size());
      info.nxt_flags = next.is_notification ? std::uint16_t{SCTP_NOTIFICATION} : std::uint16_t{0};
      if (next.is_unordered) info.nxt_flags |= SCTP_UNORDERED;
      if (is_complete(next)) info.nxt_flags |= SCTP_COMPLETE;
      info.nxt_assoc_id = next.association->id;
      writer.put(SCTP_NXTINFO, info, flags);
    }
    if (socket.wants_rcvinfo) {
      sctp_rcvinfo info{};
      info.rcv_sid = item->stream;
      info.rcv_ssn = item->ssn;
      info.rcv_flags = unordered;
      info.rcv_ppid = htonl(item->ppid);
      info.rcv_tsn = info.rcv_cumtsn = item->tsn;
      info.rcv_context = association.options.context;
      info.rcv_assoc_id = association.id;
      writer.put(SCTP_RCVINFO, info, flags);
    }
    if ((socket.options.events & kDataIo) != 0 && socket.wants_extended) {
      writer.put(SCTP_EXTRCV, extended(socket, *item, unordered), flags);
    } else if ((socket.options.events & kDataIo) != 0) {
      sctp_sndrcvinfo info{};
      info.sinfo_stream = item->stream;
      info.sinfo_ssn = item->ssn;
      info.sinfo_flags = unordered;
      info.sinfo_ppid = htonl(item->ppid);
      info.sinfo_context = association.options.context;
      info.sinfo_tsn = info.sinfo_cumtsn = item->tsn;
      info.sinfo_assoc_id = association.id;
      writer.put(SCTP_SNDRCV, info, flags);
    }
  }
  message.msg_flags = request.result_flags | flags;
}

}  // namespace millrace::sockets
