// Messages that found no room, in their order, until MR_EVENT_WRITABLE says to try again.
#pragma once

#include <cerrno>
#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "millrace.h"

class Outbox {
 public:
  static constexpr std::size_t kWaitingMax = 100000;

  /// Sends or keeps a message. False when the association takes no more: it is gone, or its peer
  /// reads so slowly that too much waits.
  bool send(mr_context* context, mr_association association, const void* data, std::size_t length,
            std::uint16_t stream, std::uint32_t ppid, std::uint32_t flags) {
    const auto found = waiting_.find(association);
    if (found == waiting_.end()) {
      const int status =
          mr_send(context, association, data, length, stream, ppid, flags | MR_MORE, 0);
      if (status != -EAGAIN) return status == 0;
    }
    std::deque<Message>& queue = waiting_[association];
    if (queue.size() >= kWaitingMax) return false;
    queue.push_back({std::string(static_cast<const char*>(data), length), stream, ppid, flags});
    return true;
  }
  /// False when what waited cannot be sent any more: the peer is shutting the association down.
  bool on_writable(mr_context* context, mr_association association) {
    const auto found = waiting_.find(association);
    if (found == waiting_.end()) return true;
    std::deque<Message>& queue = found->second;
    while (!queue.empty()) {
      const Message& message = queue.front();
      const int status = mr_send(context, association, message.bytes.data(), message.bytes.size(),
                                 message.stream, message.ppid, message.flags | MR_MORE, 0);
      if (status == -EAGAIN) return true;
      if (status != 0) break;
      queue.pop_front();
    }
    const bool is_sent = queue.empty();
    waiting_.erase(found);
    return is_sent;
  }
  void on_down(mr_association association) { waiting_.erase(association); }

 private:
  struct Message {
    std::string bytes;
    std::uint16_t stream;
    std::uint32_t ppid;
    std::uint32_t flags;
  };
  std::map<mr_association, std::deque<Message>> waiting_;
};
